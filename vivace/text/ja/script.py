"""The characters of Japanese, besides Latin letters and marks."""

from vivace.text.language import HAN

KANA = "\u3041-\u3096\u309d\u309e\u30a1-\u30fa\u30fc-\u30fe々"
# What Open JTalk reads at once: numbers too, with their points and the commas of thousands.
RUN = rf"[{HAN}{KANA}0-9](?:[{HAN}{KANA}0-9]|(?<=[0-9])\.(?=[0-9])|(?<=[0-9]),(?=[0-9]{{3}}(?![0-9])))*"
PERCENT = "パーセント"
