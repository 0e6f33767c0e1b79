"""Chinese: numbers and symbols as characters, characters as pinyin, tone sandhi."""
