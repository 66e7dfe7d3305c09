"""Languages have codes and names."""

import pytest

from microblog.domain.errors import InvalidInput
from microblog.domain.language import LANGUAGES, known_language, language_code, native_name


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("en", "en"),
        (" EN ", "en"),
        ("PT_br", "pt-BR"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("tok", "tok"),
        ("sl-rozaj", "sl-rozaj"),
        ("de-CH-1901", "de-CH-1901"),
    ],
)
def test_codes_have_one_case(raw: str, code: str) -> None:
    assert language_code(raw) == code


@pytest.mark.parametrize(
    "raw", ["", "e", "english", "en-", "en--us", "12", "en us", "én", "en\x00", "en-x-" + "a" * 99]
)
def test_what_is_no_code_is_refused(raw: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        language_code(raw, field="locale")
    assert caught.value.field == "locale"


@pytest.mark.parametrize("raw", [None, "", "C", "POSIX", "en_US.UTF-8", "de@euro", "x" * 10_000])
def test_what_is_no_code_is_unknown(raw: str | None) -> None:
    assert known_language(raw) is None
    assert known_language("PT_br") == "pt-BR"


def test_the_list_is_in_order_and_canonical() -> None:
    codes = [language.code for language in LANGUAGES]
    assert codes == sorted(set(codes))
    for language in LANGUAGES:
        assert language_code(language.code) == language.code
        assert language.english
        assert language.native


def test_languages_have_names() -> None:
    assert native_name("de") == "Deutsch"
    assert native_name("de-AT") == "Deutsch"
    assert native_name("zh-TW") == "繁體中文（台灣）"
    assert native_name("xx") == "xx"
