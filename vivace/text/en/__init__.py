"""English: numbers and abbreviations as words, words as ARPAbet."""
