"""Languages of posts and pages: their codes and names."""

import re
from dataclasses import dataclass
from typing import Final

from microblog.domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Language:
    """A language. ``code`` is ISO 639-1, or else 639-3; ``native`` is its own name for itself."""

    code: str
    english: str
    native: str


LANGUAGES: Final = tuple(
    Language(*line.split("|"))
    for line in """\
af|Afrikaans|Afrikaans
am|Amharic|አማርኛ
ar|Arabic|العربية
az|Azerbaijani|Azərbaycanca
be|Belarusian|Беларуская
bg|Bulgarian|Български
bn|Bengali|বাংলা
br|Breton|Brezhoneg
bs|Bosnian|Bosanski
ca|Catalan|Català
ckb|Central Kurdish|کوردیی ناوەندی
cs|Czech|Čeština
cy|Welsh|Cymraeg
da|Danish|Dansk
de|German|Deutsch
el|Greek|Ελληνικά
en|English|English
eo|Esperanto|Esperanto
es|Spanish|Español
et|Estonian|Eesti
eu|Basque|Euskara
fa|Persian|فارسی
fi|Finnish|Suomi
fr|French|Français
fy|West Frisian|Frysk
ga|Irish|Gaeilge
gd|Scottish Gaelic|Gàidhlig
gl|Galician|Galego
gu|Gujarati|ગુજરાતી
he|Hebrew|עברית
hi|Hindi|हिन्दी
hr|Croatian|Hrvatski
hu|Hungarian|Magyar
hy|Armenian|Հայերեն
id|Indonesian|Bahasa Indonesia
is|Icelandic|Íslenska
it|Italian|Italiano
ja|Japanese|日本語
ka|Georgian|ქართული
kab|Kabyle|Taqbaylit
kk|Kazakh|Қазақша
km|Khmer|ខ្មែរ
kn|Kannada|ಕನ್ನಡ
ko|Korean|한국어
ku|Kurdish|Kurdî
la|Latin|Latina
lb|Luxembourgish|Lëtzebuergesch
lt|Lithuanian|Lietuvių
lv|Latvian|Latviešu
mk|Macedonian|Македонски
ml|Malayalam|മലയാളം
mr|Marathi|मराठी
ms|Malay|Bahasa Melayu
my|Burmese|မြန်မာ
nb|Norwegian Bokmål|Norsk bokmål
ne|Nepali|नेपाली
nl|Dutch|Nederlands
nn|Norwegian Nynorsk|Norsk nynorsk
oc|Occitan|Occitan
pa|Punjabi|ਪੰਜਾਬੀ
pl|Polish|Polski
ps|Pashto|پښتو
pt|Portuguese|Português
ro|Romanian|Română
ru|Russian|Русский
sc|Sardinian|Sardu
si|Sinhala|සිංහල
sk|Slovak|Slovenčina
sl|Slovenian|Slovenščina
sq|Albanian|Shqip
sr|Serbian|Српски
sv|Swedish|Svenska
sw|Swahili|Kiswahili
ta|Tamil|தமிழ்
te|Telugu|తెలుగు
th|Thai|ไทย
tok|Toki Pona|toki pona
tr|Turkish|Türkçe
uk|Ukrainian|Українська
ur|Urdu|اردو
uz|Uzbek|Oʻzbekcha
vi|Vietnamese|Tiếng Việt
yi|Yiddish|ייִדיש
zh|Chinese|中文
zh-HK|Chinese (Hong Kong)|繁體中文（香港）
zh-TW|Chinese (Taiwan)|繁體中文（台灣）""".splitlines()
)
"""The languages to choose from, by code."""

_BY_CODE: Final = {language.code: language for language in LANGUAGES}
_TAG = re.compile(
    r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|[0-9]{3}))?((?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)"
)


def language_code(raw: str, field: str = "language") -> str:
    """Return a language tag in canonical case (``PT_br`` → ``pt-BR``): language, script, region, variants.

    This is the part of RFC 5646 that texts need. Any well-formed tag is accepted, listed here or not.

    Raises InvalidInput.
    """
    found = (
        _TAG.fullmatch(raw.strip().replace("_", "-").lower()) if len(raw) <= 35 and raw.isascii() else None
    )
    if found is None:
        raise InvalidInput("This is not a language code. It should look like en or pt-BR.", field=field)
    language, script, region, variants = found.groups()
    parts = [language]
    if script:
        parts.append(script.title())
    if region:
        parts.append(region.upper())
    return "-".join(parts) + variants


def known_language(raw: str | None) -> str | None:
    """Return a language tag in canonical case, or None if it is malformed (``C``, ``en_US.UTF-8``).

    Clients send such values without asking their users, so the caller uses its default instead.
    """
    try:
        return language_code(raw) if raw else None
    except InvalidInput:
        return None


def native_name(code: str) -> str:
    """Return a language's own name for itself, or the code if it is unknown."""
    language = _BY_CODE.get(code) or _BY_CODE.get(code.partition("-")[0])
    return language.native if language else code
