"""Where texts are cut into words, in scripts that write with marks, by Unicode's categories."""

import unicodedata

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from forebay.transforms.definition.features import Text
from forebay.transforms.graph.terms import tokens_of

ZWNJ, ZWJ = "\u200c", "\u200d"
letters = st.sampled_from("abAZ_09éßİﬁक़हিনकاكتبд字𝐀" + ZWNJ + ZWJ)
marks = st.sampled_from("\u0301\u0307\u093f\u094d\u0982\u064e\u064c\ufe0f\u20e3")
others = st.sampled_from(" \t\n.,;-'’❤👩💻€\u00a0\u00ad")
texts = st.text(st.one_of(letters, marks, others), max_size=20)


def words(text: str) -> list[str]:
    """Cuts a text character by character."""
    found, word, in_gap = [], "", False
    for letter in text:
        kind = unicodedata.category(letter)[0]
        starts = kind in "LN" or letter == "_"
        belongs = starts or (not in_gap and (kind == "M" or letter in (ZWNJ, ZWJ)))
        in_gap = not belongs
        if belongs:
            word += letter
        elif word:
            found.append(word)
            word = ""
    return found + [word] * bool(word)


def cut(text: str, feature: Text) -> list[str]:
    return [word.decode() for word in tokens_of(feature, tf.constant([text])).to_list()[0]]


@given(texts)
def test_words_are_cut_where_neither_letters_nor_their_marks_are(text: str) -> None:
    assert cut(text, Text("t", lower=False)) == words(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("हिन्दी भाषा में", ["हिन्दी", "भाषा", "में"]),
        ("বাংলা ভাষা।", ["বাংলা", "ভাষা"]),
        ("كِتَابٌ جَدِيد", ["كِتَابٌ", "جَدِيد"]),
        (f"می{ZWNJ}خواهم رفت", [f"می{ZWNJ}خواهم", "رفت"]),
        ("İSTANBUL İzmir", ["i\u0307stanbul", "i\u0307zmir"]),
        ("Cafe\u0301 NOIR", ["cafe\u0301", "noir"]),
        (f"I ❤\ufe0f 👩{ZWJ}💻 x", ["i", "x"]),
        ("don't stop_it 3.5", ["don", "t", "stop_it", "3", "5"]),
    ],
)
def test_words_of_many_scripts(text: str, expected: list[str]) -> None:
    assert cut(text, Text("t")) == expected
