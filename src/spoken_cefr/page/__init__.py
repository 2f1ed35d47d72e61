"""The page of `spoken-cefr app`: the level of a recording, in French and English, on this machine."""
