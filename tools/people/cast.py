"""Who the demo's people are and what their faces do: identities and expressions as plain numbers.

A leaf beside numpy-free code: it draws nothing. `face.py` turns a `Person` with an `Expression` into a shape in
millimetres, `head.py` turns that into a picture.

Expressions are intensities of the action units of the Facial Action Coding System (Ekman, Friesen & Hager: Facial
Action Coding System, the manual, 2002). `PROTOTYPES` are that manual's prototypes of the basic emotions
(Investigator's Guide, table 10-2; EMFACS: Friesen & Ekman 1983), as variants people of different temper use.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Expression:
    """Intensity of each action unit, 0 (absent) to 1 (as strong as it gets); gaze from -1 to 1."""

    au1: float = 0.0  # inner brow raiser
    au2: float = 0.0  # outer brow raiser
    au4: float = 0.0  # brow lowerer
    au5: float = 0.0  # upper lid raiser
    au6: float = 0.0  # cheek raiser
    au7: float = 0.0  # lid tightener
    au9: float = 0.0  # nose wrinkler
    au10: float = 0.0  # upper lip raiser
    au12: float = 0.0  # lip corner puller
    au15: float = 0.0  # lip corner depressor
    au16: float = 0.0  # lower lip depressor
    au17: float = 0.0  # chin raiser
    au20: float = 0.0  # lip stretcher
    au23: float = 0.0  # lip tightener
    au25: float = 0.0  # lips part
    au26: float = 0.0  # jaw drop
    au27: float = 0.0  # mouth stretch
    au43: float = 0.0  # eyes close
    gaze_x: float = 0.0  # towards the picture's right
    gaze_y: float = 0.0  # down

    def blend(self, other: Expression, share: float) -> Expression:
        """The expression on the way to `other`: this one at share 0, the other at share 1."""
        return Expression(
            **{
                f.name: (1 - share) * getattr(self, f.name) + share * getattr(other, f.name)
                for f in fields(Expression)
            }
        )

    def blink(self, closed: float) -> Expression:
        """The same face with the lids `closed` so far (0 to 1)."""
        return replace(self, au43=max(self.au43, closed))


PROTOTYPES: dict[str, tuple[Expression, ...]] = {
    "neutral": (Expression(),),
    "happiness": (  # 6+12, lips parted
        Expression(au6=0.8, au12=0.9, au25=0.8),
        Expression(au6=0.9, au7=0.3, au12=1.0, au25=1.0, au26=0.45),
    ),
    "surprise": (  # 1+2+5+26, or 27 instead of 26
        Expression(au1=1.0, au2=1.0, au5=0.8, au25=1.0, au26=1.0),
        Expression(au1=0.9, au2=1.0, au5=0.9, au25=1.0, au26=0.5, au27=0.7),
    ),
    "sadness": (  # 1+4+15 with 17; with 6+7+20 close to tears
        Expression(au1=1.0, au4=0.7, au15=1.0, au17=0.6, au43=0.25, gaze_y=0.5),
        Expression(au1=1.0, au4=1.0, au6=0.8, au7=0.9, au15=1.0, au17=0.3, au20=0.9, au25=0.15, au26=0.25),
    ),
    "anger": (  # 4+5+7+17+23, lips pressed; 4+5+7+10 with 25..27, shouting
        Expression(au4=1.0, au5=0.3, au7=0.9, au10=0.2, au17=0.6, au23=1.0),
        Expression(au4=1.0, au5=0.4, au7=1.0, au9=1.0, au10=1.0, au15=0.8, au16=0.8, au20=0.6, au25=1.0, au26=0.8,
                   au27=1.0),
    ),
    "fear": (Expression(au1=1.0, au2=0.2, au4=1.0, au5=1.0, au15=0.4, au20=1.0, au25=0.7, au26=0.8),),
    "disgust": (Expression(au4=0.4, au7=0.5, au9=1.0, au10=0.8, au15=0.4, au17=0.5),),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """An invented person. Factors are 1 for the average face; tones are reflectances from 0 to 1."""

    name: str
    seed: int  # of freckles, strands and the like
    head_width: float = 1.0
    face_length: float = 1.0  # below the eyes
    jaw_width: float = 1.0
    nose_width: float = 1.0
    nose_length: float = 1.0
    lip_fullness: float = 1.0
    eye_size: float = 1.0
    brow_thickness: float = 1.0
    brow_tone: float = 0.14
    skin_tone: float = 0.62
    lip_tone: float = 0.72  # relative to the skin
    iris_tone: float = 0.13
    hair: str = "short"  # one of hair.STYLES
    hair_tone: float = 0.10
    hairline_mm: float = -72.0  # above the eyes, at the middle of the forehead
    age: float = 0.3  # 0 smooth to 1 lined
    beard: float = 0.0  # 0 shaven to 1 dark stubble
    shirt_tone: float = 0.3


PEOPLE: tuple[Person, ...] = (
    Person(name="Ada", seed=1, head_width=0.97, jaw_width=0.9, nose_width=0.88, lip_fullness=1.2, eye_size=1.08,
           brow_thickness=0.75, skin_tone=0.70, lip_tone=0.62, hair="long", hair_tone=0.13, age=0.1, shirt_tone=0.75),
    Person(name="Bruno", seed=2, head_width=1.02, jaw_width=1.1, nose_width=1.05, lip_fullness=0.9, eye_size=0.97,
           brow_thickness=1.2, skin_tone=0.64, hair="short", hair_tone=0.07, age=0.5, beard=0.5, shirt_tone=0.2),
    Person(name="Chidi", seed=3, head_width=1.0, jaw_width=1.02, nose_width=1.25, lip_fullness=1.35, eye_size=0.95,
           brow_thickness=1.1, brow_tone=0.05, skin_tone=0.42, lip_tone=0.8, iris_tone=0.1, hair="cropped",
           hair_tone=0.04, hairline_mm=-76, age=0.3, shirt_tone=0.85),
    Person(name="Dora", seed=4, head_width=1.03, face_length=0.96, jaw_width=1.0, nose_width=0.95, eye_size=1.0,
           lip_fullness=1.0, brow_thickness=0.85, brow_tone=0.3, skin_tone=0.74, lip_tone=0.7, iris_tone=0.22,
           hair="bob", hair_tone=0.45, age=0.6, shirt_tone=0.4),
)
