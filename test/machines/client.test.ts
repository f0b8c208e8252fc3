import { describe, expect, it } from 'vitest'
import { createActor, SimulatedClock } from 'xstate'
import type { Request } from '../../machines/batch.ts'
import { type ClientEmitted, type ClientEvent, clientMachine } from '../../machines/client.ts'
import { defaultClientTiming } from '../../machines/client-timing.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { checkInvariants } from '../../src/core/roles.ts'

const request: Request = {
  uid: 'someone@4',
  seq: 7,
  ackedBelow: 6,
  command: { kind: 'service', body: 'do it' },
}
const name = { uid: request.uid, seq: request.seq }
const executed: Outcome = { kind: 'executed', result: 'done', instance: 3, index: 1 }
const submitted = (server = 0, servers = 3): ClientEvent => ({
  type: 'request.submitted',
  request,
  server,
  servers,
})
const response = (server: number): ClientEvent => ({ type: 'response', ...name, outcome: executed, server })
const queued = (server: number): ClientEvent => ({ type: 'queued', ...name, server })
const busy = (server: number, reason: 'busy' | 'notMember' | 'stopping'): ClientEvent => ({
  type: 'busy',
  ...name,
  reason,
  server,
})
const send = (to: number): ClientEmitted => ({ type: 'send', to, message: { type: 'request', ...request } })
const answer = (server: number): ClientEmitted => ({ type: 'answer', ...name, outcome: executed, server })

const input = { timing: defaultClientTiming, randomSeed: 1 }

/** The chart with time in hand: `step` gives an event, `pass` lets milliseconds go by; both return what was emitted. */
function start() {
  const clock = new SimulatedClock()
  const actor = createActor(clientMachine, { input, clock })
  let emitted: ClientEmitted[] = []
  actor.on('*', (event) => emitted.push(event))
  actor.start()
  const take = () => {
    const taken = emitted
    emitted = []
    return taken
  }
  const checked = (event: { readonly type: string }, move: () => void) => {
    const before = actor.getSnapshot()
    move()
    checkInvariants(clientMachine, before, event, actor.getSnapshot())
  }
  return {
    state: () => actor.getSnapshot().value,
    context: () => actor.getSnapshot().context,
    step: (event: ClientEvent) => {
      checked(event, () => actor.send(event))
      return take()
    },
    // One millisecond at a time, since a simulated clock fires each timer once an increment.
    pass: (milliseconds: number) => {
      for (let passed = 0; passed < milliseconds; passed += 1) {
        checked({ type: 'a timer' }, () => clock.increment(1))
      }
      return take()
    },
  }
}

describe('asking', () => {
  it('asks the server it is told to, and again at doubled intervals, always with the same message', () => {
    const { step, pass, state } = start()
    expect(step(submitted())).toEqual([send(0)])
    expect(pass(99)).toEqual([])
    expect(pass(1)).toEqual([send(0)])
    expect(pass(199)).toEqual([])
    expect(pass(1)).toEqual([send(0)])
    expect(pass(400)).toEqual([send(0)])
    expect(pass(299)).toEqual([])
    expect(state()).toEqual({ asking: 'asked' })
  })

  it('begins with the server that the program prefers', () => {
    const { step } = start()
    expect(step(submitted(2))).toEqual([send(2)])
  })

  it('tells the answer once, and then is silent', () => {
    const { step, pass, state } = start()
    step(submitted())
    expect(step(response(0))).toEqual([answer(0)])
    expect(state()).toBe('answered')
    expect(step(response(0))).toEqual([])
    expect(pass(10_000)).toEqual([])
  })

  it('takes the answer from any server', () => {
    const { step } = start()
    step(submitted())
    expect(step(response(2))).toEqual([answer(2)])
  })

  it.each([
    ['uid', { uid: 'another@4' }],
    ['seq', { seq: 6 }],
  ])('ignores what is said of another %s', (_, other) => {
    const { step, state } = start()
    step(submitted())
    expect(step({ ...response(0), ...other } as ClientEvent)).toEqual([])
    expect(step({ ...queued(0), ...other } as ClientEvent)).toEqual([])
    expect(step({ ...busy(0, 'notMember'), ...other } as ClientEvent)).toEqual([])
    expect(state()).toEqual({ asking: 'asked' })
  })

  it('carries a second request when the first is answered, and ignores answers to the first', () => {
    const { step } = start()
    step(submitted())
    step(response(0))
    const second = { ...request, seq: 8 }
    expect(step({ type: 'request.submitted', request: second, server: 1, servers: 3 })).toEqual([
      { type: 'send', to: 1, message: { type: 'request', ...second } },
    ])
    expect(step(response(1))).toEqual([])
    expect(step({ type: 'response', uid: second.uid, seq: 8, outcome: executed, server: 1 })).toEqual([
      { type: 'answer', uid: second.uid, seq: 8, outcome: executed, server: 1 },
    ])
  })

  it('ignores a request while it carries one', () => {
    const { step } = start()
    step(submitted())
    expect(
      step({ type: 'request.submitted', request: { ...request, seq: 8 }, server: 0, servers: 3 }),
    ).toEqual([])
  })

  it.each<Outcome>([
    { kind: 'failed', error: 'no', instance: 1, index: 0 },
    { kind: 'cancelled', instance: 1, index: 0 },
    { kind: 'refused', reason: 'expired' },
  ])('tells the outcome $kind like any other', (outcome) => {
    const { step } = start()
    step(submitted())
    expect(step({ type: 'response', ...name, outcome, server: 0 })).toEqual([
      { type: 'answer', ...name, outcome, server: 0 },
    ])
  })
})

describe('failing over', () => {
  it('asks the next server after a silent second, round and round', () => {
    const { step, pass } = start()
    step(submitted())
    pass(999)
    expect(pass(1)).toEqual([send(1)])
    expect(pass(1_000)).toEqual([send(1), send(1), send(1), send(2)])
    expect(pass(1_000)).toEqual([send(2), send(2), send(2), send(0)])
  })

  it('goes on with the same server when there is no other', () => {
    const { step, pass } = start()
    step(submitted(0, 1))
    pass(999)
    expect(pass(1)).toEqual([send(0)])
  })

  it('is not put off by repeating the question', () => {
    const { step, pass, context } = start()
    step(submitted())
    pass(700)
    expect(context().server).toBe(0)
    pass(300)
    expect(context().server).toBe(1)
  })

  it.each(['notMember', 'stopping'] as const)('asks the next server at once when told %s', (reason) => {
    const { step, state } = start()
    step(submitted())
    expect(step(busy(0, reason))).toEqual([send(1)])
    expect(state()).toEqual({ asking: 'asked' })
  })

  it('is turned away by each server once, and then backs off before the next round', () => {
    const { step, pass, state, context } = start()
    step(submitted())
    expect(step(busy(0, 'notMember'))).toEqual([send(1)])
    expect(step(busy(1, 'stopping'))).toEqual([send(2)])
    expect(step(busy(2, 'notMember'))).toEqual([])
    expect(state()).toBe('backingOff')
    expect(pass(context().backoffMs)).toEqual([send(0)])
    expect(step(busy(0, 'notMember'))).toEqual([send(1)])
  })

  it('hears late or duplicated refusals of a server that it has left, and stays where it is', () => {
    const { step, context } = start()
    step(submitted())
    step(busy(0, 'notMember'))
    expect(step(busy(0, 'notMember'))).toEqual([])
    expect(step(busy(0, 'busy'))).toEqual([])
    expect(context().server).toBe(1)
  })
})

describe('waiting', () => {
  it('stops the failover clock, and asks again each second as long as the server confirms', () => {
    const { step, pass, state } = start()
    step(submitted())
    pass(900)
    expect(step(queued(0))).toEqual([])
    expect(state()).toEqual({ waiting: 'held' })
    for (let round = 0; round < 5; round += 1) {
      expect(pass(999)).toEqual([])
      expect(pass(1)).toEqual([send(0)])
      expect(step(queued(0))).toEqual([])
    }
    expect(step(response(0))).toEqual([answer(0)])
  })

  it('fails over when the server has said nothing for three seconds', () => {
    const { step, pass } = start()
    step(submitted())
    step(queued(0))
    expect(pass(2_999)).toEqual([send(0), send(0)])
    expect(pass(1)).toContainEqual(send(1))
    expect(pass(100)).toEqual([send(1)])
  })

  it('waits at a server that was left and turns out to hold the request', () => {
    const { step, pass } = start()
    step(submitted())
    pass(1_000)
    expect(step(queued(0))).toEqual([])
    expect(pass(1_000)).toEqual([send(0)])
  })

  it('leaves a server that held the request and is stopping', () => {
    const { step } = start()
    step(submitted())
    step(queued(0))
    expect(step(busy(0, 'stopping'))).toEqual([send(1)])
  })

  it('begins a new round of refusals after a server has held the request', () => {
    const { step } = start()
    step(submitted())
    step(busy(0, 'stopping'))
    step(busy(1, 'stopping'))
    step(queued(2))
    expect(step(busy(2, 'stopping'))).toEqual([send(0)])
  })
})

describe('backing off', () => {
  it('asks the same server again after a random part of a doubled, capped wait', () => {
    const { step, pass, state, context } = start()
    const { backoffMs, backoffLimitMs } = defaultClientTiming
    step(submitted())
    for (let refusal = 0; refusal < 9; refusal += 1) {
      expect(step(busy(0, 'busy'))).toEqual([])
      expect(state()).toBe('backingOff')
      const longest = Math.min(backoffMs * 2 ** refusal, backoffLimitMs)
      const wait = context().backoffMs
      expect(wait).toBeGreaterThanOrEqual(longest / 2)
      expect(wait).toBeLessThanOrEqual(longest)
      expect(pass(wait - 1)).toEqual([])
      expect(pass(1)).toEqual([send(0)])
    }
  })

  it('waits no longer for a refusal that is said twice', () => {
    const { step, pass, context } = start()
    step(submitted())
    step(busy(0, 'busy'))
    const wait = context().backoffMs
    pass(wait - 1)
    step(busy(0, 'busy'))
    expect(pass(1)).toEqual([send(0)])
  })

  it('ends with an answer, or with the word that the request is held', () => {
    const first = start()
    first.step(submitted())
    first.step(busy(0, 'busy'))
    expect(first.step(response(1))).toEqual([answer(1)])
    const second = start()
    second.step(submitted())
    second.step(busy(0, 'busy'))
    second.step(queued(0))
    expect(second.state()).toEqual({ waiting: 'held' })
  })

  it('draws from its seed alone', () => {
    const drawn = [start(), start()].map(({ step, context }) => {
      step(submitted())
      step(busy(0, 'busy'))
      return context().backoffMs
    })
    expect(drawn[0]).toBe(drawn[1])
  })
})

describe('giving up', () => {
  const givenUp: ClientEmitted = { type: 'give.up', ...name }

  it.each([
    ['asking', []],
    ['waiting', [queued(0)]],
    ['backingOff', [busy(0, 'busy')]],
  ] as const)('ends what is asked in %s, and nothing is sent any more', (_, events) => {
    const { step, pass, state } = start()
    step(submitted())
    for (const event of events) step(event)
    expect(step({ type: 'give.up' })).toEqual([givenUp])
    expect(state()).toBe('failed')
    expect(step(response(0))).toEqual([])
    expect(pass(10_000)).toEqual([])
    expect(step(submitted(1))).toEqual([send(1)])
  })

  it('says nothing when nothing is asked', () => {
    const { step, state } = start()
    expect(step({ type: 'give.up' })).toEqual([])
    expect(state()).toBe('idle')
  })
})
