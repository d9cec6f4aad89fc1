from typing import ClassVar

from pyasn1.type.univ import OctetString

class GeneralString(OctetString):
    encoding: ClassVar[str]
