"""The page of `spoken-cefr app`, in French and English: words, style, drawings, results."""
