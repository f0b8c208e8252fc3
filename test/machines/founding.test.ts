/**
 * Founding, in every order: founders ask and are answered, answers are lost, late or repeated, servers crash, and directories are
 * lost. The model lets a founder hear any answer that another could have given at any moment of its life, which is more than a
 * network can do.
 */
import { describe, expect, test } from 'vitest'
import type { Address, NodeId } from '../../machines/batch.ts'
import {
  answerTo,
  beginFounding,
  type FoundingRecord,
  type FoundingState,
  hearAnswer,
  isFinal,
  newFounding,
  othersOf,
  questionOf,
} from '../../machines/founding.ts'
import { foundingFault } from '../../machines/founding-invariants.ts'
import type { FounderName, FoundingPlan } from '../../machines/members.ts'
import type { Founder, NotFounder } from '../../machines/messages.ts'

const plan = (servers: number, cluster: string | null = null): FoundingPlan => ({
  members: Array.from({ length: servers }, (_, id) => ({ id, address: `h:${id + 1}` })),
  cluster,
  service: 'lock',
})

/** A founder, and every record that its directories ever held, in order. */
interface Founding {
  readonly state: FoundingState
  readonly history: readonly FoundingRecord[]
}

type Model = readonly Founding[]

function begun(record: FoundingRecord, history: readonly FoundingRecord[] = []): Founding {
  const state = beginFounding(record)
  return { state, history: [...history, state.record] }
}

function at<T>(list: readonly T[], place: number): T {
  const value = list[place]
  if (value === undefined) throw new Error(`nothing is at ${place}`)
  return value
}

function changed(model: Model, id: NodeId, founding: Founding): Model {
  return model.map((other, place) => (place === id ? founding : other))
}

/** The model after `id` heard `answer` of `from`; what changed durably is kept before anything is said. */
function heard(model: Model, id: NodeId, from: NodeId, answer: Founder | NotFounder | null): Model {
  if (answer === null) return model
  const { state, history } = at(model, id)
  const after = hearAnswer(state, from, answer)
  if (after === state) return model
  return changed(model, id, {
    state: after,
    history: after.record === state.record ? history : [...history, after.record],
  })
}

function wiped(model: Model, id: NodeId): Model {
  const { state, history } = at(model, id)
  const count = new Set(history.map(({ incarnation }) => incarnation)).size
  return changed(model, id, begun(newFounding(id, `${id}.${count + 1}`, state.record), history))
}

function crashed(model: Model, id: NodeId): Model {
  const { state, history } = at(model, id)
  return changed(model, id, { state: beginFounding(state.record), history })
}

/** What the founder with `record` answers to the question of the founder `id`, if the answer goes to where that one is. */
function answered(id: NodeId, { members, ...own }: FoundingRecord, record: FoundingRecord) {
  const source = addressIn(members, id)
  const { message, to } = answerTo(id, source, questionOf({ members, ...own }), record)
  return to === source ? message : null
}

function addressIn(members: FoundingPlan['members'], id: NodeId): Address {
  return members.find((member) => member.id === id)?.address ?? expect.fail(`${id} is no member`)
}

/** Every model that one event makes of it. */
function* next(model: Model, wipes: number): Generator<Model> {
  for (const [id, { state }] of model.entries()) {
    if (!state.record.isFounded) {
      for (const [from, { history }] of model.entries()) {
        if (from === id) continue
        for (const record of history) {
          yield unobstructed(heard(model, id, from, answered(id, state.record, record)), id)
        }
      }
      yield crashed(model, id)
    }
    if (wipesOf(model) < wipes) yield wiped(model, id)
  }
}

/** Obstacles decide nothing: without them, there are fewer models. */
function unobstructed(model: Model, id: NodeId): Model {
  const { state, history } = at(model, id)
  if (state.obstacles.length === 0) return model
  if (state.obstacles.some(({ kind }) => kind === 'forgotten')) {
    expect.fail(`no directory has forgotten: ${JSON.stringify(model)}`)
  }
  return changed(model, id, { state: { ...state, obstacles: [] }, history })
}

function wipesOf(model: Model): number {
  return model.reduce(
    (sum, { history }) => sum + new Set(history.map(({ incarnation }) => incarnation)).size - 1,
    0,
  )
}

/** Every model that can be reached. */
function reached(first: Model, wipes: number): Model[] {
  const known = new Set([JSON.stringify(first)])
  const models = [first]
  for (const model of models) {
    for (const after of next(model, wipes)) {
      const key = JSON.stringify(after)
      if (known.has(key)) continue
      known.add(key)
      models.push(after)
    }
  }
  return models
}

const listOf = (founders: readonly FounderName[] | null) => JSON.stringify(founders)

/** Those that vote now, and those that ever did. */
function voters(model: Model): { readonly now: FoundingRecord[]; readonly ever: FoundingRecord[] } {
  return {
    now: model.flatMap(({ state }) => (state.record.isFounded ? [state.record] : [])),
    ever: model.flatMap(({ history }) => history.filter(({ isFounded }) => isFounded)),
  }
}

/** Fails when a model breaks a rule. Without `expect`, since there are many models. */
function assertSafe(model: Model): void {
  const fail = (rule: string) => expect.fail(`${rule}: ${JSON.stringify(model)}`)
  const { now, ever } = voters(model)
  if (new Set(now.map(({ founders }) => listOf(founders))).size > 1) fail('two lists')
  for (const { node, incarnation, founders } of ever) {
    if (!founders?.some((name) => isSame(name, { id: node, incarnation }))) fail('a voter is not in its list')
    for (const other of ever) {
      const isShared = other.founders?.some((name) => founders?.some((own) => isSame(name, own)))
      if (isShared && listOf(other.founders) !== listOf(founders)) fail('two lists with one incarnation')
    }
  }
  for (const { state, history } of model) {
    for (const [at, record] of history.entries()) {
      const isSameFounder = history[at - 1]?.incarnation === record.incarnation
      const fault = foundingFault(record, isSameFounder ? (history[at - 1] ?? null) : null)
      if (fault !== null) fail(fault)
    }
    const { incarnation } = state.record
    const lists = history.filter((record) => record.incarnation === incarnation && record.founders !== null)
    if (new Set(lists.map(({ founders }) => listOf(founders))).size > 1) fail('a list was exchanged')
  }
}

function isSame(a: FounderName, b: FounderName): boolean {
  return a.id === b.id && a.incarnation === b.incarnation
}

function founded(model: Model, id: NodeId): boolean {
  return at(model, id).state.record.isFounded
}

/** The model after everybody has asked everybody, for as long as that changes anything. */
function calmed(model: Model): Model {
  let after = model
  for (const id of model.keys()) {
    for (const from of founded(after, id) ? [] : othersOf(at(after, id).state.record)) {
      if (from >= model.length) continue
      const { record } = at(after, id).state
      after = heard(after, id, from, answered(id, record, at(after, from).state.record))
    }
  }
  return JSON.stringify(after) === JSON.stringify(model) ? model : calmed(after)
}

const fresh = (...plans: readonly FoundingPlan[]): Model =>
  plans.map((founded, id) => begun(newFounding(id, `${id}.1`, founded)))

describe.each([
  { servers: 1, wipes: 2 },
  { servers: 2, wipes: 3 },
  { servers: 3, wipes: 1 },
])('$servers founders, of which $wipes lose a directory', ({ servers, wipes }) => {
  const models = reached(fresh(...Array.from({ length: servers }, () => plan(servers))), wipes)

  test('none vote with different lists, nor with an incarnation that another does not hold', () => {
    for (const model of models) assertSafe(model)
    expect(models.some((model) => voters(model).now.length === servers)).toBe(true)
  })

  test('while no directory is lost, all found the cluster as soon as they hear each other', () => {
    for (const model of models.filter((model) => wipesOf(model) === 0)) {
      if (voters(calmed(model)).now.length !== servers) expect.fail(JSON.stringify(model))
    }
  })

  test('a stranger that asks in the name of a founder is told no incarnation, which an answer has to name', () => {
    for (const model of models) {
      const incarnations = model.flatMap(({ history }) => history.map(({ incarnation }) => incarnation))
      for (const [id, { state }] of model.entries()) {
        const question = { ...questionOf(state.record), incarnation: 'made up' }
        for (const { record } of model.map(({ state }) => state)) {
          const { message, to } = answerTo(id, 'stranger:1', question, record)
          const told = incarnations.filter((name) => JSON.stringify(message).includes(name))
          if (to === 'stranger:1' ? told.length > 0 : to !== addressIn(record.members, id)) {
            expect.fail(JSON.stringify({ record, message, to }))
          }
        }
        const { members, cluster, service } = state.record
        const refused = { members, cluster, service, isFounded: true }
        const refusal: NotFounder = { type: 'notFounder', to: 'made up', ...refused }
        const forged: Founder = {
          type: 'founder',
          to: 'made up',
          incarnation: 'made up',
          founders: null,
          isFounded: false,
        }
        for (const from of model.keys()) {
          if (heard(heard(model, id, from, refusal), id, from, forged) !== model) {
            expect.fail(JSON.stringify(model))
          }
        }
      }
    }
  })

  test('who cannot go on although it hears all others knows why; who lost its directory is told of the cluster', () => {
    for (const model of models) {
      const calm = calmed(model)
      const exists = voters(calm).now.length > 0
      for (const { state } of calm) {
        const { record, obstacles } = state
        const knows = exists ? obstacles.some(isFinal) : obstacles.length > 0
        if (!record.isFounded && !knows) expect.fail(JSON.stringify(calm))
      }
    }
  })
})

describe('founders that were started differently', () => {
  const others: readonly (readonly [string, FoundingPlan])[] = [
    ['with another name', plan(2, 'named')],
    ['with another service', { ...plan(2), service: 'kv' }],
    ['with one more member', plan(3)],
    ['with another address', { ...plan(2), members: [at(plan(2).members, 0), { id: 1, address: 'h:9' }] }],
  ]

  test.each(others)('%s: neither votes, and each knows how the other differs', (_, other) => {
    const models = reached(fresh(plan(2), other), 1)
    for (const model of models) {
      expect(voters(model).ever).toEqual([])
      const obstacles = calmed(model).map(({ state }) => state.obstacles)
      expect(obstacles).toEqual([
        [{ kind: 'otherPlan', of: 1, plan: other }],
        [{ kind: 'otherPlan', of: 0, plan: plan(2) }],
      ])
    }
  })

  test('one that two others leave out is told of their cluster, and does not vote', () => {
    const model = calmed(fresh(plan(2), plan(2), plan(3)))
    expect(model.map(({ state }) => state.record.isFounded)).toEqual([true, true, false])
    expect(at(model, 2).state.obstacles).toEqual([
      { kind: 'exists', of: 0, plan: plan(2) },
      { kind: 'exists', of: 1, plan: plan(2) },
    ])
  })
})

test('a founder whose directory went back to before it held the list does not vote', () => {
  const model = calmed(fresh(plan(2), plan(2)))
  const [old] = at(model, 1).history
  const back = changed(model, 1, { state: beginFounding(old!), history: [] })
  const { state } = at(calmed(back), 1)
  expect(state.record.isFounded).toBe(false)
  expect(state.obstacles).toEqual([{ kind: 'forgotten', of: 0 }])
})

test('an incarnation is taken only from its owner', () => {
  const [{ state }] = fresh(plan(3), plan(3), plan(3)) as [Founding, Founding, Founding]
  const founders = [0, 1, 2].map((id) => ({ id, incarnation: `${id}.1` }))
  const answer: Founder = { type: 'founder', to: '0.1', incarnation: '1.1', founders, isFounded: false }
  const after = hearAnswer(state, 1, answer)
  expect(after.heard).toEqual([{ id: 1, incarnation: '1.1' }])
  expect(after.record.founders).toBeNull()
})

test('answers to another incarnation, or of a server that is no founder, change nothing', () => {
  const [{ state }] = fresh(plan(2), plan(2)) as [Founding, Founding]
  const answer: Founder = { type: 'founder', to: '0.1', incarnation: '1.1', founders: null, isFounded: false }
  expect(hearAnswer(state, 1, { ...answer, to: '0.0' })).toBe(state)
  expect(hearAnswer(state, 2, answer)).toBe(state)
  expect(hearAnswer(state, 0, answer)).toBe(state)
  expect(hearAnswer(state, 1, answer)).not.toBe(state)
})
