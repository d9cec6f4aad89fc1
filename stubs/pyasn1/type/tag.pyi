tagClassApplication: int
tagClassContext: int
tagFormatConstructed: int
tagFormatSimple: int

class Tag:
    def __init__(self, tagClass: int, tagFormat: int, tagId: int) -> None: ...

class TagSet:
    def tagExplicitly(self, superTag: Tag) -> TagSet: ...
