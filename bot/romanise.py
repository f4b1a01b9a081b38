"""Chinese words spelled in Latin letters, for chats whose room names allow nothing else."""

from __future__ import annotations

import os
import re


def romanise(words: str) -> str:
    """Spell words in a-z, 0-9 and dashes, one syllable a character, as `zhi-fu-shi-bai`; what cannot be spelled is left out.

    The library is loaded at the first call, with its single characters only: its phrases would cost 45 MB.
    """
    kept = os.environ.get("PYPINYIN_NO_PHRASES")
    os.environ["PYPINYIN_NO_PHRASES"] = "true"
    try:
        from pypinyin import lazy_pinyin
    finally:
        if kept is None:
            del os.environ["PYPINYIN_NO_PHRASES"]
        else:
            os.environ["PYPINYIN_NO_PHRASES"] = kept
    spelled = "-".join(lazy_pinyin(words, errors="default"))
    return re.sub(r"[^a-z0-9]+", "-", spelled.lower()).strip("-")
