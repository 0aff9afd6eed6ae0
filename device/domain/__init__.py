"""The nouns, commands, events and actions of Affetto. A leaf: read it first, it imports nothing else of the project.

An *event* is something that happened; threads put it into the inbox and decide nothing. A *command* is what somebody
asks for; it arrives in the event `Asked`. An *action* is something that the conductor must do; `session.handle` returns
actions and does nothing itself. The `Snapshot` is the state as everybody else sees it. Everything here is immutable and
cheap to compare, so that a test is a table of events and the actions they must cause.

Import every name from here: `from device.domain import Mood`.
"""

from device.domain.actions import (
    LARGEST_COVER,
    Action,
    Announce,
    Answer,
    ChangePlaylist,
    CloseEye,
    Correct,
    Cue,
    Erase,
    Forward,
    Hush,
    Log,
    Note,
    Notice,
    OpenEye,
    Pause,
    Play,
    RampVolume,
    ReadCover,
    Record,
    RequestUpdate,
    Resume,
    RingChime,
    Save,
    Seek,
    Silence,
    Speak,
    TellGroup,
)
from device.domain.affect import EMOTIONS, MOOD_AFFECT, Affect, Emotion, Mood, MoodName, MoodSource, Scores
from device.domain.commands import (
    AllowAgain,
    Ask,
    CheckForUpdate,
    Command,
    Feedback,
    Forget,
    InstallUpdate,
    Liking,
    Order,
    Origin,
    PlaylistCommand,
    PlayMedia,
    RemoveAlarm,
    RemovePlaylist,
    ReportBody,
    Restore,
    SavePlaylist,
    ScheduleCommand,
    Scope,
    SeekTo,
    SetAlarm,
    SetGroupVolume,
    SetPlayback,
    SetQuiet,
    SetSchedule,
    SetSleep,
    SetTrackMood,
    SnoozeAlarm,
    StopAlarm,
    StopMedia,
    SwitchAlarm,
    Transport,
    UpdateCommand,
)
from device.domain.context import Context, Leaning, read_leaning
from device.domain.diary import Diary, DiaryEntry, Erasure, Felt, MoodEntry, SongEntry
from device.domain.events import (
    Asked,
    CoverRead,
    Disk,
    Event,
    EyeClosed,
    EyeOpened,
    EyeRead,
    FromGroup,
    LibraryLoaded,
    Misunderstood,
    Now,
    PlaylistChanged,
    Saved,
    SoundBack,
    SoundLost,
    SpeechEnded,
    SurfaceDown,
    SurfaceUp,
    SwitchTurned,
    Tick,
    TrackAt,
    TrackEnded,
    TrackEnding,
    TrackFailed,
    TrackStarted,
    UpdateSeen,
)
from device.domain.faces import Face, Gesture, Point, Reading, SeenFace
from device.domain.forgetting import erasure, without
from device.domain.identity import Identity
from device.domain.memory import Memory
from device.domain.music import (
    EVERYONE,
    Choice,
    Listen,
    MoodOrigin,
    Outcome,
    PlaybackState,
    PolicyName,
    Position,
    Target,
    Track,
)
from device.domain.notices import EventType, Handled
from device.domain.request_orders import (
    ClearRequests,
    Enqueue,
    MoveRequest,
    PlayPlaylist,
    RemoveRequest,
    RequestOrder,
    Veto,
    Vote,
    VoteSkip,
)
from device.domain.requests import QueueEntry, Request, Requests, SkipVotes, Where
from device.domain.rooms import (
    GroupEntry,
    GroupMusic,
    GroupNews,
    GroupTick,
    GroupView,
    LeaderAnswered,
    LeaderHeard,
    LeaderRecord,
    Linked,
    Member,
    MemberHeard,
    MemberMood,
    MemberOnline,
    MusicHeard,
    Witnessed,
)
from device.domain.schedule import Alarm, PolicyRule, ScheduleMemory, SchedulePlan, ScheduleView, Window
from device.domain.settings import (
    SetCamera,
    SetContext,
    SetGroup,
    SetGuests,
    SetMood,
    SetMute,
    SetPolicy,
    SetPresence,
    SetPresent,
    SetProfile,
    SetRoom,
    Setting,
    SetVolume,
)
from device.domain.snapshot import Camera, HealthReport, People, PlaybackView, Snapshot
from device.domain.update import Update, newer
