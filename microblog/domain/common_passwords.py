"""Common passwords of eight characters and more, from the top of lists of stolen passwords."""

from typing import Final

_LINES: Final = (
    "12345678 123456789 1234567890 12345678910 0123456789 987654321 9876543210 87654321 0987654321 123123123 "
    "12341234 11223344 112233445566 123321123 147258369 159753456 741852963 102030405060 11111111 00000000 "
    "88888888 121212121 12121212 1234abcd abcd1234 abc12345 abcdefgh abcdefghi a1b2c3d4 a1234567 a12345678 aa123456 "
    "aa12345678 password password1 password12 password123 password1234 passw0rd p@ssw0rd p@ssword pa$$word passwort "
    "passwort1 mypassword thepassword changeme changeme1 letmein1 letmeinnow iloveyou iloveyou1 iloveyou2 ilovegod "
    "qwertyui qwertyuiop qwerty12 qwerty123 qwerty1234 qwerty12345 qwertz123 qwertzui qwertzuiop azertyui azertyuiop "
    "asdfasdf asdfghjk asdfghjkl asdf1234 zxcvbnm1 zxcvbnm123 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qaz2wsx3edc qazwsxedc "
    "q1w2e3r4 q1w2e3r4t5 zaq12wsx !qaz2wsx football football1 baseball baseball1 basketball superman superman1 "
    "batman123 spiderman starwars pokemon1 pokemon123 minecraft michelle jennifer jessica1 charlie1 michael1 elizabeth "
    "victoria samantha princess princess1 sunshine sunshine1 chocolate butterfly computer computer1 internet "
    "whatever trustno1 corvette mercedes liverpool liverpool1 chelsea1 arsenal1 manchester administrator "
    "admin123 admin1234 administrator1 root1234 test1234 testtest test12345 testing123 welcome1 welcome123 "
    "monkey123 dragon123 master123 shadow123 killer123 freedom1 summer2023 summer2024 summer2025 winter2024 "
    "microblog microblog1 mastodon twitter1 facebook instagram google123 qwe123qwe asd123asd lovelove hellohello "
    "hello123 hello1234 loveyou1 blink182 access14 secret123 default1 guest123 login123 temp1234 user1234"
)

COMMON_PASSWORDS: Final = frozenset(_LINES.split())
