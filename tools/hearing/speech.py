"""People who talk, by eSpeak NG: several voices and languages, alone, over noise, and as talk radio has them."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache

import numpy as np

from tools.hearing.noises import RATE_HZ, Random, Sound, level, pink

VOICES = ("en-gb+m3", "en-us+f2", "de+f4", "fr+m7", "es+f1", "ru+m1", "cmn+f3", "it+klatt2")
TEXTS = {
    "en": "Good evening, and welcome back. Tonight we talk about the weather, about trains that come too late, and "
    "about a baker in a small town who has sold the same bread for forty years. Why did nobody ask her before? "
    "I think, she said, that people only notice what is gone. And then the telephone rang again. After the break: "
    "how much water does a garden need in July, and who pays for it?",
    "de": "Guten Abend und willkommen. Heute geht es um das Wetter, um Züge, die zu spät kommen, und um eine Bäckerin, "
    "die seit vierzig Jahren dasselbe Brot verkauft. Warum hat sie vorher niemand gefragt?",
    "fr": "Bonsoir et bienvenue. Ce soir, nous parlons du temps, des trains en retard, et d'une boulangère qui vend le "
    "même pain depuis quarante ans. Pourquoi personne ne lui a-t-il posé la question?",
    "es": "Buenas noches y bienvenidos. Hoy hablamos del tiempo, de los trenes que llegan tarde y de una panadera que "
    "vende el mismo pan desde hace cuarenta años. ¿Por qué nadie le preguntó antes?",
    "ru": "Добрый вечер. Сегодня мы говорим о погоде, о поездах, которые опаздывают, и о женщине, которая сорок лет "
    "печёт один и тот же хлеб. Почему никто не спросил её раньше?",
    "cmn": "晚上好。今天我们谈谈天气,谈谈晚点的火车,还有一位四十年来一直卖同样面包的面包师。为什么以前没有人问过她?",
    "it": "Buonasera e benvenuti. Oggi parliamo del tempo, dei treni in ritardo e di una fornaia che vende lo stesso "
    "pane da quarant'anni. Perché nessuno gliel'ha chiesto prima?",
}  # fmt: skip


def installed() -> bool:
    """Whether eSpeak NG is on this machine."""
    return shutil.which("espeak-ng") is not None


@cache
def speech(voice: str, seconds: float, words_per_minute: int = 165) -> Sound:
    """Somebody talks; float32 [n] at 16 kHz. Raises FileNotFoundError without eSpeak NG."""
    text = TEXTS[voice.split("-")[0].split("+")[0]]
    command = ["espeak-ng", "-v", voice, "-s", str(words_per_minute), "--stdout", text]
    wav = subprocess.run(command, check=True, capture_output=True).stdout
    start = wav.find(b"data") + 8
    rate_hz = int.from_bytes(wav[24:28], "little")
    body = wav[start : start + (len(wav) - start) // 2 * 2]
    heard = np.frombuffer(body, "<i2").astype(np.float64) / 32768
    at = np.arange(0, len(heard) - 1, rate_hz / RATE_HZ)
    spoken = np.interp(at, np.arange(len(heard)), heard)
    return level(np.resize(spoken, round(seconds * RATE_HZ)))


def over_noise(voice: str, seconds: float, random: Random, below_db: float = 12.0) -> Sound:
    """Somebody talks in a room with a fan, so many decibels below."""
    spoken, noise = speech(voice, seconds), pink(seconds, random)
    noise = noise * (np.std(spoken) / np.std(noise)) * 10 ** (-below_db / 20)
    return level(spoken + noise)


def over_music(music: Sound, louder_db: float, voice: str = VOICES[0]) -> Sound:
    """Somebody talks over music, so many decibels louder than it."""
    spoken = speech(voice, len(music) / RATE_HZ)[: len(music)]
    return level(spoken + music * (np.std(spoken) / max(float(np.std(music)), 1e-9)) * 10 ** (-louder_db / 20))


def talk_radio(one: str, other: str, seconds: float) -> Sound:
    """Two people in turns, without pauses, pressed to one loudness as stations do."""
    turn = 4.0
    parts = [_pressed(speech(voice, seconds, 190)) for voice in (one, other)]
    parts = [part[np.abs(_smooth(part)) > 0.02] for part in parts]
    count = round(turn * RATE_HZ)
    turns = [part[at : at + count] for at in range(0, round(seconds * RATE_HZ), count) for part in parts]
    return level(np.resize(np.concatenate(turns), round(seconds * RATE_HZ)))


def _pressed(sound: Sound) -> Sound:
    return (sound / (_smooth(sound) + 0.02)).astype(np.float32) * 0.2


def _smooth(sound: Sound) -> Sound:
    """The mean level of the 50 ms around."""
    window = np.ones(RATE_HZ // 20) / (RATE_HZ // 20)
    return np.convolve(np.abs(sound), window, "same").astype(np.float32)
