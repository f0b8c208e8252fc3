import { describe, expect, test } from 'vitest'
import { type AcceptorContext, type AcceptorInput, acceptorMachine } from '../../machines/acceptor.ts'
import type { Ballot } from '../../machines/ballot.ts'
import type { AcceptedRecord } from '../../machines/batch.ts'
import type { AcceptorEvent, Heard } from '../../machines/inbox.ts'
import { defaultLimits } from '../../machines/limits.ts'
import type { Accept, Prepare, Settled } from '../../machines/messages.ts'
import type { Send } from '../../machines/outputs.ts'
import {
  ballot,
  batch,
  informant,
  member,
  members,
  persist,
  Role,
  record,
  send,
  sentBy,
  tell,
  type Want,
} from '../support/role.ts'

// What the acceptor has promised and knows, in every test unless it says otherwise.
const promised = ballot(5, 1)
const firstUnchosen = 10
const ten = record(10, promised, 'ten')

function acceptor(changes: Partial<AcceptorInput> = {}): Role<AcceptorContext> {
  return new Role(acceptorMachine, {
    self: 0,
    incarnation: 'founder-0',
    members: members(3),
    limits: defaultLimits,
    promised,
    accepted: [ten],
    firstUnchosen,
    ...changes,
  } satisfies AcceptorInput)
}

function prepare(at: Ballot, from: number, sender = at.node): Heard<Prepare> {
  return { type: 'prepare', ballot: at, from, ...sentBy(sender) }
}

function accept(at: Ballot, instance: number, name: string, sender = at.node): Heard<Accept> {
  return { type: 'accept', ballot: at, instance, batch: batch(name), ...sentBy(sender) }
}

const persisted: AcceptorEvent = { type: 'persisted' }

function denial(to: number, at: Ballot, instance: number, changes: { promised?: Ballot | null } = {}): Want {
  return send(to, { type: 'denial', ballot: at, instance, promised, firstUnchosen, ...changes })
}

/** To a server that is no member: the directory is named that asked. */
function denialTo(incarnation: string, ...denied: Parameters<typeof denial>): Want {
  return { ...(denial(...denied) as Send), incarnation }
}

function promise(at: Ballot, from: number, accepted: readonly AcceptedRecord[], to = at.node): Want {
  return send(to, { type: 'promise', ballot: at, from, accepted, firstUnchosen })
}

function accepted(at: Ballot, instance: number, to = at.node): Want {
  return send(to, { type: 'accepted', ballot: at, instance })
}

function write(promised: Ballot | null, ...accepted: readonly AcceptedRecord[]): Want {
  return persist({ by: 'acceptor', promised, accepted })
}

function rival(at: Ballot): Want {
  return tell('proposer', { type: 'rival.promised', ballot: at })
}

function leads(leader: number): Want {
  return tell('requestQueue', { type: 'leader.changed', leader })
}

/** What it tells of the higher ballot of another server. */
function surpassed(at: Ballot): Want[] {
  return [rival(at), leads(at.node)]
}

function behind(from: number, peer: number): Want {
  return tell('learner', { type: 'behind.noticed', firstUnchosen: from, informant: informant(peer), atMs: 0 })
}

function heard(sender: number, instance: number, implied: string | null = null): Want {
  return implies(sender, instance, instance, implied)
}

/** What an accept or a `settled` for the instance `about` implies. */
function implies(sender: number, about: number, firstUnchosen: number, implied: string | null): Want {
  return tell('learner', {
    type: 'choice.implied',
    informant: informant(sender),
    heard: about,
    firstUnchosen,
    implied: implied === null ? null : batch(implied),
    atMs: 0,
  })
}

const lower = ballot(4, 2)
const lowerNode = ballot(5, 0)
const higherNode = ballot(5, 2)
const higher = ballot(6, 2)

test('it begins in silence, and with nothing to say', () => {
  const role = acceptor()
  expect(role.began).toEqual([])
  expect(role.state).toBe('listening')
  expect(role.context).toMatchObject({
    promised,
    accepted: [ten],
    unsaved: { promised: false, accepted: [] },
    saying: [],
    later: [],
  })
})

interface Case {
  readonly ballot: Ballot
  readonly at: number
  /** What it wants at once. */
  readonly wants: readonly Want[]
  /** What it wants once that is persisted; `null` when it persists nothing. */
  readonly synced: readonly Want[] | null
  readonly promised: Ballot
  readonly accepted: readonly AcceptedRecord[]
}

function check(role: Role<AcceptorContext>, event: AcceptorEvent, expected: Case): void {
  expect(role.hear(event)).toEqual(expected.wants)
  expect(role.state).toBe(expected.synced === null ? 'listening' : 'persisting')
  expect(role.context.promised).toEqual(expected.promised)
  expect(role.context.accepted).toEqual(expected.accepted)
  if (expected.synced !== null) expect(role.hear(persisted)).toEqual(expected.synced)
  expect(role.state).toBe('listening')
  expect(role.context).toMatchObject({ unsaved: { promised: false, accepted: [] }, saying: [], later: [] })
}

describe('a prepare, by its ballot beside what is promised and its instance beside the first unchosen', () => {
  const kept = { promised, accepted: [ten] }
  const raised = { promised: higher, accepted: [ten] }

  test.each<[ballot: string, instance: string, expected: Case]>([
    ['lower', 'earlier', { ballot: lower, at: 9, wants: [denial(2, lower, 9)], synced: null, ...kept }],
    ['lower', 'current', { ballot: lower, at: 10, wants: [denial(2, lower, 10)], synced: null, ...kept }],
    ['lower', 'later', { ballot: lower, at: 11, wants: [denial(2, lower, 11)], synced: null, ...kept }],
    [
      'lower by its node',
      'current',
      { ballot: lowerNode, at: 10, wants: [denial(0, lowerNode, 10)], synced: null, ...kept },
    ],
    [
      'equal',
      'earlier',
      { ballot: promised, at: 9, wants: [promise(promised, 9, [ten])], synced: null, ...kept },
    ],
    [
      'equal',
      'current',
      { ballot: promised, at: 10, wants: [promise(promised, 10, [ten])], synced: null, ...kept },
    ],
    [
      'equal',
      'later',
      { ballot: promised, at: 11, wants: [behind(11, 1), promise(promised, 11, [])], synced: null, ...kept },
    ],
    [
      'higher',
      'earlier',
      {
        ballot: higher,
        at: 9,
        wants: [...surpassed(higher), write(higher)],
        synced: [promise(higher, 9, [ten])],
        ...raised,
      },
    ],
    [
      'higher',
      'current',
      {
        ballot: higher,
        at: 10,
        wants: [...surpassed(higher), write(higher)],
        synced: [promise(higher, 10, [ten])],
        ...raised,
      },
    ],
    [
      'higher',
      'later',
      {
        ballot: higher,
        at: 11,
        wants: [...surpassed(higher), behind(11, 2), write(higher)],
        synced: [promise(higher, 11, [])],
        ...raised,
      },
    ],
    [
      'higher by its node',
      'current',
      {
        ballot: higherNode,
        at: 10,
        wants: [...surpassed(higherNode), write(higherNode)],
        synced: [promise(higherNode, 10, [ten])],
        promised: higherNode,
        accepted: [ten],
      },
    ],
  ])('%s, %s', (_ballot, _instance, expected) => {
    check(acceptor(), prepare(expected.ballot, expected.at), expected)
  })
})

describe('an accept, by its ballot beside what is promised and its instance beside the first unchosen', () => {
  const kept = { promised, accepted: [ten] }
  const tenAgain = record(10, higher, 'new')
  const eleven = record(11, promised, 'new')
  const elevenHigher = record(11, higher, 'new')
  const twelve = record(12, promised, 'new')
  const nodeTen = record(10, higherNode, 'new')

  test.each<[ballot: string, instance: string, expected: Case]>([
    ['lower', 'earlier', { ballot: lower, at: 9, wants: [denial(2, lower, 9)], synced: null, ...kept }],
    [
      'lower',
      'current',
      { ballot: lower, at: 10, wants: [heard(2, 10), denial(2, lower, 10)], synced: null, ...kept },
    ],
    [
      'lower',
      'later',
      { ballot: lower, at: 11, wants: [heard(2, 11), denial(2, lower, 11)], synced: null, ...kept },
    ],
    [
      'lower by its node',
      'current',
      { ballot: lowerNode, at: 10, wants: [heard(0, 10), denial(0, lowerNode, 10)], synced: null, ...kept },
    ],
    ['equal', 'earlier', { ballot: promised, at: 9, wants: [denial(1, promised, 9)], synced: null, ...kept }],
    [
      'equal',
      'current, and another batch was accepted at it',
      {
        ballot: promised,
        at: 10,
        wants: [{ type: 'flag', oddity: 'batch', sender: 1 }, denial(1, promised, 10)],
        synced: null,
        ...kept,
      },
    ],
    [
      'equal',
      'later: what was accepted before it at this ballot is chosen',
      {
        ballot: promised,
        at: 11,
        wants: [heard(1, 11, 'ten'), write(promised, eleven)],
        synced: [accepted(promised, 11)],
        promised,
        accepted: [eleven],
      },
    ],
    [
      'equal',
      'later still: nothing is known of the one before it',
      {
        ballot: promised,
        at: 12,
        wants: [heard(1, 12), write(promised, twelve)],
        synced: [accepted(promised, 12)],
        promised,
        accepted: [ten, twelve],
      },
    ],
    ['higher', 'earlier', { ballot: higher, at: 9, wants: [denial(2, higher, 9)], synced: null, ...kept }],
    [
      'higher',
      'current: it takes the place of the older one, and raises the promise',
      {
        ballot: higher,
        at: 10,
        wants: [...surpassed(higher), heard(2, 10), write(higher, tenAgain)],
        synced: [accepted(higher, 10)],
        promised: higher,
        accepted: [tenAgain],
      },
    ],
    [
      'higher',
      'later: what was accepted before it at an older ballot implies nothing',
      {
        ballot: higher,
        at: 11,
        wants: [...surpassed(higher), heard(2, 11), write(higher, elevenHigher)],
        synced: [accepted(higher, 11)],
        promised: higher,
        accepted: [ten, elevenHigher],
      },
    ],
    [
      'higher by its node',
      'current',
      {
        ballot: higherNode,
        at: 10,
        wants: [...surpassed(higherNode), heard(2, 10), write(higherNode, nodeTen)],
        synced: [accepted(higherNode, 10)],
        promised: higherNode,
        accepted: [nodeTen],
      },
    ],
  ])('%s, %s', (_ballot, _instance, expected) => {
    check(acceptor(), accept(expected.ballot, expected.at, 'new'), expected)
  })
})

describe('the request queue is told who leads', () => {
  test('when a promise goes to another server than the one before, and not otherwise', () => {
    const role = acceptor()
    const again = ballot(7, 2)
    expect(role.hear(prepare(higher, 10), persisted)).toContainEqual(leads(2))
    expect(role.hear(prepare(again, 10), persisted)).not.toContainEqual(leads(2))
    expect(role.hear(accept(again, 10, 'new'), persisted)).not.toContainEqual(leads(2))
    expect(role.hear(accept(ballot(8, 1), 10, 'new'))).toContainEqual(leads(1))
  })

  test('not by a prepare or an accept that is denied', () => {
    const role = acceptor()
    const wants = role.hear(prepare(lower, 10), accept(lower, 10, 'new'), prepare(ballot(6, 7), 10))
    expect(wants.filter(({ type }) => type === 'tell')).toEqual([heard(2, 10)])
  })
})

describe('settled', () => {
  const settled = (at: Ballot | null, instance: number, sender = 1): Heard<Settled> => ({
    type: 'settled',
    ballot: at,
    instance,
    ...sentBy(sender),
  })

  test.each<[title: string, event: Heard<Settled>, wants: Want[]]>([
    [
      'at the ballot at which it accepted: that batch is chosen',
      settled(promised, 10),
      [implies(1, 10, 11, 'ten')],
    ],
    ['at another ballot', settled(ballot(5, 2), 10, 2), [implies(2, 10, 11, null)]],
    ['at a higher ballot of the same server', settled(ballot(6, 1), 10), [implies(1, 10, 11, null)]],
    [
      'without a ballot',
      settled(null, 10, 2),
      [
        implies(2, 10, 11, null),
        { type: 'tell', role: 'requestQueue', event: { type: 'leader.answered', leader: 2 } },
      ],
    ],
    ['where it accepted nothing', settled(promised, 12), [implies(1, 12, 13, null)]],
    ['at an instance that is known to be chosen', settled(promised, 9), []],
    ['too far above', settled(promised, 10 + 2 ** 32 + 1), [{ type: 'flag', oddity: 'instance', sender: 1 }]],
    ['of a stranger that knows this server', settled(promised, 10, 7), [behind(11, 7)]],
    ['of a stranger that does not', { ...settled(promised, 10, 7), knowsUs: false }, []],
    [
      'of another directory of a member',
      { ...settled(promised, 10), ...sentBy(1, 'another'), knowsUs: false },
      [],
    ],
  ])('%s', (_, event, wants) => {
    const role = acceptor()
    const before = role.context
    const isImplied = wants.some(
      (want) => want.type === 'tell' && 'implied' in want.event && want.event.implied !== null,
    )
    expect(role.hear(event)).toEqual(wants)
    expect(role.context).toEqual(isImplied ? { ...before, firstUnchosen: 11, accepted: [] } : before)
    expect(role.state).toBe('listening')
  })

  test('names the batch that was accepted last, also before it is durable', () => {
    const role = acceptor()
    role.hear(accept(higher, 10, 'new'))
    expect(role.hear(settled(promised, 10))).toEqual([implies(1, 10, 11, null)])
    expect(role.hear(settled(higher, 10, 2))).toEqual([implies(2, 10, 11, 'new')])
  })

  test('is learned by a server that is not counted: it may be admitted there', () => {
    const role = acceptor({ incarnation: 'another' })
    expect(role.hear(settled(promised, 10))).toEqual([implies(1, 10, 11, 'ten')])
    expect(role.context).toMatchObject({ firstUnchosen: 11, accepted: [] })
  })
})

describe('promises and acceptances', () => {
  test('the first of all ballots is promised and accepted by an acceptor that has promised nothing', () => {
    const first = ballot(1, 0)
    const fresh = { promised: null, accepted: [], firstUnchosen: 0 }
    const role = acceptor(fresh)
    expect(role.hear(prepare(first, 0))).toEqual([leads(0), write(first)])
    expect(role.hear(persisted)).toEqual([
      send(0, { type: 'promise', ballot: first, from: 0, accepted: [], firstUnchosen: 0 }),
    ])
    const other = acceptor(fresh)
    const zero = record(0, first, 'zero')
    expect(other.hear(accept(first, 0, 'zero'))).toEqual([leads(0), heard(0, 0), write(first, zero)])
    expect(other.hear(persisted)).toEqual([accepted(first, 0)])
  })

  test('an accept above the promise raises it: a lower prepare and a lower accept are denied after it', () => {
    const role = acceptor()
    role.hear(accept(higher, 10, 'new'), persisted)
    const denied = { promised: higher }
    expect(role.hear(prepare(promised, 10))).toEqual([denial(1, promised, 10, denied)])
    expect(role.hear(accept(promised, 10, 'ten'))).toEqual([heard(1, 10), denial(1, promised, 10, denied)])
    expect(role.context.accepted).toEqual([record(10, higher, 'new')])
  })

  test("its own proposer's higher ballot surpasses nobody", () => {
    const own = ballot(6, 0)
    expect(acceptor().hear(prepare(own, 10))).toEqual([leads(0), write(own)])
    expect(acceptor().hear(accept(own, 10, 'new'))).toEqual([
      leads(0),
      heard(0, 10),
      write(own, record(10, own, 'new')),
    ])
  })

  test('a promise shows what was accepted from its instance on, in order of instance', () => {
    const [eleven, twelve] = [record(11, promised, 'eleven'), record(12, promised, 'twelve')]
    const role = acceptor({ accepted: [record(10, lower, 'ten')] })
    const first = record(10, lower, 'ten')
    role.hear(accept(promised, 12, 'twelve'), persisted, accept(promised, 11, 'eleven'), persisted)
    expect(role.hear(prepare(promised, 10))).toEqual([promise(promised, 10, [first, eleven, twelve])])
    expect(role.hear(prepare(promised, 11))).toEqual([behind(11, 1), promise(promised, 11, [eleven, twelve])])
  })

  test('one that restarts is what it was: a lower ballot is denied, and what it accepted is shown', () => {
    const before = acceptor()
    before.hear(prepare(higher, 10), persisted, accept(higher, 10, 'new'), persisted)
    const { promised, accepted } = before.context
    const after = acceptor({ promised, accepted })
    expect(after.hear(accept(ballot(5, 1), 10, 'ten'))).toEqual([
      heard(1, 10),
      denial(1, ballot(5, 1), 10, { promised: higher }),
    ])
    expect(after.hear(prepare(higher, 10))).toEqual([promise(higher, 10, [record(10, higher, 'new')])])
  })
})

describe('nothing is said before it is durable', () => {
  test('a promise and an accepted wait for `persisted`', () => {
    const role = acceptor()
    expect(role.hear(prepare(higher, 10))).toEqual([...surpassed(higher), write(higher)])
    expect(role.context.saying).toHaveLength(1)
    expect(role.hear(persisted)).toEqual([promise(higher, 10, [ten])])
    expect(role.hear(accept(higher, 10, 'new'))).toEqual([
      heard(2, 10),
      write(higher, record(10, higher, 'new')),
    ])
    expect(role.hear(persisted)).toEqual([accepted(higher, 10)])
  })

  test('what is heard while a sync is under way joins the next one, all of it together', () => {
    const highest = ballot(7, 1)
    const [new11, new13] = [record(11, highest, 'c'), record(13, highest, 'd')]
    const role = acceptor()
    role.hear(prepare(higher, 10))
    expect(role.hear(accept(higher, 10, 'a'))).toEqual([heard(2, 10)])
    expect(role.hear(prepare(highest, 10))).toEqual([...surpassed(highest)])
    expect(role.hear(accept(highest, 10, 'b'))).toEqual([heard(1, 10)])
    expect(role.hear(accept(highest, 11, 'c'))).toEqual([heard(1, 11, 'b')])
    expect(role.hear(accept(highest, 13, 'd'))).toEqual([heard(1, 13)])
    expect(role.state).toBe('persisting')
    // The accept for instance 11 showed that instance 10 is chosen.
    expect(role.hear(persisted)).toEqual([promise(higher, 10, [ten]), write(highest, new11, new13)])
    expect(role.state).toBe('persisting')
    expect(role.hear(persisted)).toEqual([
      promise(highest, 10, [record(10, higher, 'a')]),
      accepted(highest, 11),
      accepted(highest, 13),
    ])
    expect(role.state).toBe('listening')
  })

  test('what repeats the sync under way is said after it, without another', () => {
    const role = acceptor()
    role.hear(prepare(higher, 10))
    expect(role.hear(prepare(higher, 10))).toEqual([])
    expect(role.hear(persisted)).toEqual([promise(higher, 10, [ten]), promise(higher, 10, [ten])])
    role.hear(accept(higher, 10, 'new'))
    expect(role.hear(accept(higher, 10, 'new'))).toEqual([])
    expect(role.hear(persisted)).toEqual([accepted(higher, 10), accepted(higher, 10)])
    expect(role.state).toBe('listening')
  })

  test('what was durable before is said during a sync only after it', () => {
    const role = acceptor()
    role.hear(accept(promised, 12, 'twelve'))
    expect(role.hear(accept(promised, 10, 'ten'))).toEqual([])
    expect(role.hear(persisted)).toEqual([accepted(promised, 12), accepted(promised, 10)])
  })

  test('a denial promises nothing and waits for nothing', () => {
    const role = acceptor()
    role.hear(prepare(higher, 10))
    expect(role.hear(prepare(lower, 10))).toEqual([denial(2, lower, 10, { promised: higher })])
  })
})

describe('what is settled', () => {
  const advanced = (to: number): AcceptorEvent => ({ type: 'firstUnchosen.advanced', firstUnchosen: to })

  test('is forgotten, and from then on denied', () => {
    const role = acceptor({ accepted: [ten, record(11, promised, 'eleven')] })
    expect(role.hear(advanced(11))).toEqual([])
    expect(role.context.accepted).toEqual([record(11, promised, 'eleven')])
    expect(role.hear(accept(promised, 10, 'ten'))).toEqual([
      send(1, { type: 'denial', ballot: promised, instance: 10, promised, firstUnchosen: 11 }),
    ])
    expect(role.hear(prepare(promised, 10))).toEqual([
      send(1, {
        type: 'promise',
        ballot: promised,
        from: 10,
        accepted: [record(11, promised, 'eleven')],
        firstUnchosen: 11,
      }),
    ])
  })

  test('and not persisted yet is never persisted, and never said', () => {
    const role = acceptor()
    role.hear(prepare(higher, 10))
    role.hear(accept(higher, 10, 'loser'), accept(higher, 11, 'open'))
    role.hear(advanced(11))
    expect(role.hear(persisted)).toEqual([
      promise(higher, 10, [ten]),
      write(higher, record(11, higher, 'open')),
    ])
    expect(role.hear(persisted)).toEqual([accepted(higher, 11)])
  })

  test('but the promise that it raised is persisted all the same', () => {
    const highest = ballot(7, 1)
    const role = acceptor()
    role.hear(prepare(higher, 10), accept(highest, 10, 'loser'), advanced(11))
    expect(role.hear(persisted)).toEqual([promise(higher, 10, [ten]), write(highest)])
    expect(role.hear(persisted)).toEqual([])
    expect(role.context).toMatchObject({ promised: highest, accepted: [] })
  })

  test('and was all that was to be persisted: no sync is begun for it', () => {
    const role = acceptor()
    role.hear(accept(promised, 11, 'eleven'), accept(promised, 12, 'twelve'), advanced(13))
    expect(role.hear(persisted)).toEqual([accepted(promised, 11)])
    expect(role.state).toBe('listening')
  })
})

describe('members', () => {
  const at = ballot(6, 7)

  test.each<[title: string, from: number, wants: Want[]]>([
    ['no newer than what is known here', 9, []],
    ['from the first unchosen instance', 10, []],
    ['from a later instance, at which it may have been admitted: that is learned first', 11, [behind(11, 7)]],
  ])('a prepare of a stranger that knows this server is denied, %s', (_, from, wants) => {
    const role = acceptor()
    expect(role.hear(prepare(at, from))).toEqual([...wants, denialTo('founder-7', 7, at, from)])
    expect(role.context.promised).toEqual(promised)
  })

  test('an accept of a stranger is refused, and what it implies is looked for only if it knows this server', () => {
    const role = acceptor()
    expect(role.hear(accept(at, 11, 'new'))).toEqual([behind(11, 7), denialTo('founder-7', 7, at, 11)])
    expect(role.hear({ ...accept(at, 11, 'new'), knowsUs: false })).toEqual([
      denialTo('founder-7', 7, at, 11),
    ])
    expect(role.hear({ ...prepare(at, 11), knowsUs: false })).toEqual([denialTo('founder-7', 7, at, 11)])
    expect(role.context).toMatchObject({ promised, accepted: [ten] })
  })

  test('a member that comes with another directory is a stranger: the one that was admitted votes and proposes', () => {
    const role = acceptor()
    const other = sentBy(2, 'another')
    expect(role.hear({ ...prepare(higher, 10), ...other })).toEqual([denialTo('another', 2, higher, 10)])
    expect(role.hear({ ...accept(higher, 10, 'new'), ...other })).toEqual([
      denialTo('another', 2, higher, 10),
    ])
    expect(role.context).toMatchObject({ promised, accepted: [ten] })
  })

  test('a prepare of a server that was removed is denied once the removal is known', () => {
    const role = acceptor()
    expect(role.hear({ type: 'members.changed', members: [member(0), member(1)] })).toEqual([])
    expect(role.hear(prepare(higher, 10))).toEqual([denialTo('founder-2', 2, higher, 10)])
  })

  test.each<[title: string, changes: Partial<AcceptorInput>]>([
    ['whose directory is another', { incarnation: 'another' }],
    ['that is added and not admitted', { members: [member(0, null), member(1), member(2)] }],
    ['that is no member', { members: [member(1), member(2)] }],
  ])('a server %s promises and accepts nothing, and learns from accepts', (_, changes) => {
    const role = acceptor(changes)
    const before = role.context
    expect(role.hear(prepare(higher, 10))).toEqual([])
    expect(role.hear(prepare(lower, 10))).toEqual([])
    expect(role.hear(accept(higher, 10, 'new'))).toEqual([])
    expect(role.hear(accept(promised, 11, 'new'))).toEqual([behind(11, 1)])
    expect(role.hear(accept(lower, 11, 'new'))).toEqual([behind(11, 2)])
    expect(role.context).toEqual(before)
  })

  test('a server that was removed reports to a proposer what it settled, and promises nothing', () => {
    const role = acceptor({ members: [member(1), member(2)] })
    const before = role.context
    // Of two servers one was removed: it alone may know, and the other needs its answer to go on.
    expect(role.hear(prepare(higher, 9))).toEqual([denial(2, higher, 9)])
    expect(role.hear(prepare(lower, 9))).toEqual([denial(2, lower, 9)])
    expect(role.hear(accept(higher, 9, 'new'))).toEqual([denial(2, higher, 9)])
    expect(role.context).toEqual(before)
  })

  test('a server that is not counted learns what a prepare shows it to have missed: it may have been admitted there', () => {
    const role = acceptor({ incarnation: 'another' })
    const before = role.context
    expect(role.hear(prepare(higher, 12))).toEqual([behind(12, 2)])
    expect(role.context).toEqual(before)
  })

  test('one that is admitted votes from then on', () => {
    const role = acceptor({ members: [member(0, null), member(1), member(2)] })
    expect(role.hear({ type: 'members.changed', members: members(3) })).toEqual([])
    expect(role.hear(prepare(higher, 10))).toEqual([...surpassed(higher), write(higher)])
  })
})

describe('numbers that nobody can have come to', () => {
  const flag = (oddity: 'round' | 'instance', sender: number): Want => ({ type: 'flag', oddity, sender })
  const highest = { round: promised.round + 2 ** 32, node: 2 }
  const tooHigh = { ...highest, round: highest.round + 1 }

  test('a round that is not too far above the promised one is promised', () => {
    expect(acceptor().hear(prepare(highest, 10))).toEqual([...surpassed(highest), write(highest)])
  })

  test.each([
    ['prepare', prepare(tooHigh, 10)],
    ['accept', accept(tooHigh, 10, 'new')],
  ])('a %s with a round too far above is denied, and followed by one step', (_, heard) => {
    const role = acceptor()
    const denied = denial(2, tooHigh, 10, { promised: highest })
    expect(role.hear(heard)).toEqual([flag('round', 2), leads(2), denied, write(highest)])
    expect(role.context).toMatchObject({ promised: highest, accepted: [ten] })
    // The next time it is near enough.
    expect(role.hear(persisted, prepare(tooHigh, 10))).toEqual([rival(tooHigh), write(tooHigh)])
  })

  test('an instance too far above the first unchosen one is dropped from any sender', () => {
    for (const role of [acceptor(), acceptor({ incarnation: 'another' })]) {
      const far = 10 + 2 ** 32 + 1
      expect(role.hear(prepare(higher, far))).toEqual([flag('instance', 2)])
      expect(role.hear(accept(higher, far, 'new'))).toEqual([flag('instance', 2)])
      expect(role.context.promised).toEqual(promised)
    }
  })
})

describe('an acceptor whose window is full', () => {
  const full = {
    limits: { ...defaultLimits, acceptedWindow: 2 },
    accepted: [ten, record(11, promised, 'eleven')],
  }

  test('refuses an accept for one more instance, with an answer, and learns', () => {
    const role = acceptor(full)
    expect(role.hear(accept(higher, 12, 'twelve'))).toEqual([behind(12, 2), denial(2, higher, 12)])
    expect(role.context).toMatchObject({ promised, accepted: full.accepted })
  })

  test('still takes one for an instance that it holds already', () => {
    const role = acceptor(full)
    const eleven = record(11, higher, 'new')
    expect(role.hear(accept(higher, 11, 'new'))).toEqual([
      ...surpassed(higher),
      heard(2, 11),
      write(higher, eleven),
    ])
    expect(role.context.accepted).toEqual([ten, eleven])
  })

  test('takes what lies below a record, however many it holds: a helper could not go on otherwise', () => {
    const limits = { ...defaultLimits, acceptedWindow: 4 }
    const later = [11, 12, 13].map((instance) => record(instance, promised, `${instance}`))
    const role = acceptor({ limits, accepted: later })
    const filled = record(10, higher, 'ten')
    expect(role.hear(accept(higher, 10, 'ten'))).toEqual([
      ...surpassed(higher),
      heard(2, 10),
      write(higher, filled),
    ])
    expect(role.context.accepted).toEqual([filled, ...later])
    expect(role.hear(accept(higher, 14, 'new'))).toEqual([
      behind(14, 2),
      denial(2, higher, 14, { promised: higher }),
    ])
  })

  test('takes it once the learner has caught up', () => {
    const role = acceptor(full)
    role.hear({ type: 'firstUnchosen.advanced', firstUnchosen: 12 })
    const twelve = record(12, promised, 'twelve')
    expect(role.hear(accept(promised, 12, 'twelve'))).toEqual([heard(1, 12), write(promised, twelve)])
  })
})
