"""What the steps of the flow tell each other."""

from pydantic import BaseModel, Field


class Item(BaseModel):
    sku: str = Field(min_length=1, max_length=64)
    quantity: int = Field(ge=1, le=1_000)
    cents: int = Field(ge=0, le=10_000_000)


class Order(BaseModel):
    customer: str = Field(min_length=1, max_length=200)
    items: list[Item] = Field(min_length=1, max_length=100)


class Placed(BaseModel):
    """An order that is to be paid; its id is its run's."""

    order: str
    cents: int


class Large(BaseModel):
    order: str
    customer: str
    cents: int


class Approval(BaseModel):
    note: str = ""


# A field that is needed and has a default: whoever answers may change it, and a timeout takes it as it is.
REJECTION = {
    "type": "object",
    "required": ["reason"],
    "properties": {"reason": {"type": "string", "default": "Nobody answered in three days."}},
}


class Paid(BaseModel):
    order: str
    payment: str


class Declined(BaseModel):
    order: str
    reason: str
