from fastapi import APIRouter, HTTPException
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from courtside.db import Session
from courtside.models import Court, Member
from courtside.schemas import CourtIn, MemberIn, MemberOut

router = APIRouter(tags=["club"])


@router.post("/members", status_code=201)
async def join(body: MemberIn, session: Session) -> MemberOut:
    member = Member(**body.model_dump() | {"email": body.email.lower()})
    session.add(member)
    try:
        await session.commit()
    except IntegrityError:
        raise HTTPException(409, "this address is a member already") from None
    return MemberOut.model_validate(member)


@router.get("/members")
async def members(session: Session) -> list[MemberOut]:
    rows = await session.scalars(select(Member).order_by(Member.name))
    return [MemberOut.model_validate(row) for row in rows]


@router.put("/courts/{number}", status_code=204)
async def set_court(number: int, body: CourtIn, session: Session) -> None:
    await session.merge(Court(**body.model_dump() | {"number": number}))
    await session.commit()
