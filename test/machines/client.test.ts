import { describe, expect, it } from 'vitest'
import { createActor, SimulatedClock } from 'xstate'
import type { Command } from '../../machines/batch.ts'
import { type ClientEmitted, type ClientEvent, clientMachine } from '../../machines/client.ts'
import { type ClientTiming, defaultClientTiming } from '../../machines/client-timing.ts'
import { initialWindow, largestWindow, smallestWindow } from '../../machines/client-window.ts'
import type { Busy } from '../../machines/messages.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { withoutSample, withSample } from '../../machines/round-trip.ts'
import { hasNoRequests } from '../../machines/session-requests.ts'
import { checkInvariants } from '../../src/core/roles.ts'

const uid = 'someone@4'
const executed = { kind: 'executed', result: 'done', instance: 3, index: 1 } as const
const commandOf = (seq: number): Command => ({ kind: 'service', body: seq })
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at)

/** The chart with time in hand: `step` gives an event, `pass` lets milliseconds go by; both return what was emitted. */
function start(timing: Partial<ClientTiming> = {}) {
  const clock = new SimulatedClock()
  const input = { timing: { ...defaultClientTiming, ...timing }, randomSeed: 1, uid, server: 0, firstSeq: 1 }
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
  const atMs = () => clock.now()
  const step = (event: ClientEvent) => {
    checked(event, () => actor.send(event))
    return take()
  }
  // One millisecond at a time, since a simulated clock fires each timer once an increment.
  const pass = (milliseconds: number) => {
    for (let passed = 0; passed < milliseconds; passed += 1) {
      checked({ type: 'a timer' }, () => clock.increment(1))
    }
    return take()
  }
  const context = () => actor.getSnapshot().context
  return {
    state: () => actor.getSnapshot().value,
    context,
    step,
    pass,
    /** Submits requests with the seqs from the next one to `last`. */
    submit: (last = context().requests.nextSeq, bytes = 1, servers = 3) =>
      step({
        type: 'request.submitted',
        requests: range(context().requests.nextSeq, last).map((seq) => ({
          seq,
          command: commandOf(seq),
          commandBytes: bytes,
        })),
        servers,
        atMs: atMs(),
      }),
    respond: (seqs: readonly number[], server = 0, outcome: Outcome = executed) =>
      step({
        type: 'response',
        uid,
        answers: seqs.map((seq) => ({ seq, outcome })),
        server,
        atMs: atMs(),
      }),
    hold: (seqs: readonly number[], server = 0, more: { readonly askAgainMs?: number } = {}) =>
      step({ type: 'queued', uid, seqs, ...more, server, atMs: atMs() }),
    refuse: (seqs: readonly number[], reason: Busy['reason'], server = 0) =>
      step({ type: 'busy', uid, seqs, reason, server, atMs: atMs() }),
    /** Passes the present interval, and returns what is sent at its end. */
    passInterval: () => {
      const { beganMs, intervalMs } = context()
      return pass(Math.max(1, beganMs + intervalMs - atMs()))
    },
    /** Passes time until another server is asked; returns the first message to it. */
    passUntilServer: (server: number) => {
      for (let passed = 0; passed < 20_000; passed += 1) {
        const sent = pass(1)
        if (context().server === server) return sent
      }
      throw new Error(`server ${server} is never asked`)
    },
  }
}

const send = (
  to: number,
  seqs: readonly number[],
  { below = seqs[0] ?? 0, avoid = null as number | null } = {},
): ClientEmitted => ({
  type: 'send',
  to,
  avoid,
  message: {
    type: 'request',
    uid,
    ackedBelow: below,
    requests: seqs.map((seq) => ({ seq, command: commandOf(seq) })),
  },
})
const answers = (seqs: readonly number[], server = 0, outcome: Outcome = executed): ClientEmitted => ({
  type: 'answers',
  server,
  answers: seqs.map((seq) => ({ seq, outcome })),
})

const sentSeqs = (emitted: readonly ClientEmitted[]) =>
  emitted.flatMap((output) => (output.type === 'send' ? output.message.requests.map(({ seq }) => seq) : []))

describe('asking', () => {
  it('asks the first server for everything that was submitted in one turn, in one message', () => {
    const { submit, state } = start()
    expect(submit(3)).toEqual([send(0, [1, 2, 3])])
    expect(state()).toBe('asking')
  })

  it('repeats a request after each interval, longer from the third repetition on and drawn at random', () => {
    const { submit, pass, passInterval, context } = start()
    submit(1)
    for (const least of [100, 100, 100, 125, 125]) {
      const { intervalMs } = context()
      expect(intervalMs).toBeGreaterThanOrEqual(least)
      expect(intervalMs).toBeLessThanOrEqual(Math.ceil(least * 1.125))
      expect(pass(intervalMs - 1)).toEqual([])
      expect(passInterval()).toEqual([send(0, [1])])
    }
  })

  it('reports an answer once, then is idle and silent', () => {
    const { submit, respond, pass, state } = start()
    submit(1)
    expect(respond([1])).toEqual([answers([1])])
    expect(state()).toBe('idle')
    expect(respond([1])).toEqual([])
    expect(pass(10_000)).toEqual([])
  })

  it('reports an answer that one datagram has twice once', () => {
    const { submit, respond } = start()
    submit(2)
    expect(respond([2, 2, 1])).toEqual([answers([2, 1])])
  })

  it('reports only the answers to open requests', () => {
    const { submit, respond } = start()
    submit(3)
    respond([2])
    expect(respond([1, 2, 3, 4])).toEqual([answers([1, 3])])
  })

  it('takes an answer from any server', () => {
    const { submit, respond, state } = start()
    submit(1)
    expect(respond([1], 2)).toEqual([answers([1], 2)])
    expect(state()).toBe('idle')
  })

  it.each<Outcome>([
    { kind: 'failed', error: 'no', instance: 1, index: 0 },
    { kind: 'cancelled', instance: 1, index: 0 },
    { kind: 'refused', reason: 'expired' },
  ])('reports the outcome $kind like any other', (outcome) => {
    const { submit, respond } = start()
    submit(1)
    expect(respond([1], 0, outcome)).toEqual([answers([1], 0, outcome)])
  })

  it('asks for further requests at once, without those that are asked already', () => {
    const { submit, pass } = start()
    submit(1)
    pass(10)
    expect(submit(3)).toEqual([send(0, [2, 3], { below: 1 })])
  })

  it('acknowledges what lies below the lowest open request', () => {
    const { submit, respond } = start()
    submit(3)
    respond([2])
    expect(submit(4)).toEqual([send(0, [4], { below: 1 })])
    respond([1])
    expect(submit(5)).toEqual([send(0, [5], { below: 3 })])
    respond([3, 4, 5])
    expect(submit(6)).toEqual([send(0, [6])])
  })

  it('repeats at the end of a round what was asked before it, and later what was asked in it', () => {
    const { submit, pass, passInterval } = start()
    submit(1)
    pass(10)
    submit(2)
    expect(passInterval()).toEqual([send(0, [1])])
    expect(passInterval()).toEqual([send(0, [1, 2])])
  })

  it('puts at most 512 requests, and about 48,000 bytes of commands, into a message', () => {
    const many = start()
    many.submit(1)
    many.respond([1])
    // The window grows with the answers.
    for (let last = 1; last < 2_000; last = many.context().requests.nextSeq - 1) {
      many.submit(last + many.context().window)
      many.respond(range(last + 1, many.context().requests.nextSeq - 1))
    }
    const { nextSeq } = many.context().requests
    const sizes = many.submit(nextSeq + 1_023).map((output) => sentSeqs([output]).length)
    expect(sizes).toEqual([512, 512])
    const large = start()
    expect(large.submit(4, 20_000)).toEqual([send(0, [1, 2]), send(0, [3], { below: 1 })])
  })
})

describe('measuring round trips', () => {
  it('takes the interval from the answers', () => {
    const { submit, respond, pass, context } = start()
    for (const seq of range(1, 50)) {
      submit(seq)
      pass(20)
      respond([seq])
    }
    submit(51)
    const { intervalMs } = context()
    expect(intervalMs).toBeGreaterThan(20)
    expect(intervalMs).toBeLessThan(24 * 1.5)
  })

  it('takes one sample a datagram: that of the request asked last', () => {
    const { submit, respond, pass, context } = start()
    submit(1)
    pass(30)
    submit(2)
    pass(12)
    respond([1, 2])
    expect(context().roundTrip).toEqual(withSample(null, 12))
  })

  it('takes no sample of a repeated request, and waits a little longer for the next one', () => {
    const { submit, respond, pass, passInterval, context } = start()
    submit(1)
    pass(10)
    respond([1])
    submit(2)
    passInterval()
    pass(5)
    respond([2])
    expect(context().roundTrip).toEqual(withoutSample(withSample(null, 10), 100))
    submit(3)
    // The margin of 10 ms is a quarter smaller, and the timeout a twentieth longer.
    expect(context().intervalMs).toBeGreaterThanOrEqual(17.5 * 1.05)
    expect(context().intervalMs).toBeLessThanOrEqual(Math.ceil(17.5 * 1.05 * 1.125))
  })

  it('measures a server that has become slower than the timeout, and stops repeating', () => {
    const { submit, respond, pass, context } = start()
    for (const seq of range(1, 20)) {
      submit(seq)
      pass(1)
      respond([seq])
    }
    const repetitions = range(21, 160).map((seq) => {
      submit(seq)
      const repeated = pass(80).length
      respond([seq])
      return repeated
    })
    expect(repetitions[0]).toBeGreaterThan(2)
    expect(repetitions.slice(-20)).toEqual(range(1, 20).map(() => 0))
    expect(context().server).toBe(0)
  })

  it('takes no sample of a request that was held', () => {
    const { submit, respond, hold, pass, context } = start()
    submit(1)
    pass(7)
    hold([1])
    expect(context().roundTrip).toEqual(withSample(null, 7))
    pass(500)
    respond([1])
    expect(context().roundTrip).toEqual(withSample(null, 7))
  })
})

describe('failing over', () => {
  it('asks the next server after a silent second, round and round', () => {
    const { submit, pass, passUntilServer } = start()
    submit(1)
    pass(860)
    expect(passUntilServer(1)).toEqual([send(1, [1], { avoid: 0 })])
    expect(passUntilServer(2)).toEqual([send(2, [1], { avoid: 1 })])
    expect(passUntilServer(0)).toEqual([send(0, [1], { avoid: 2 })])
  })

  it('asks the next server sooner when round trips are short, and later after each failure', () => {
    const { submit, respond, pass, passUntilServer, context } = start()
    for (const seq of range(1, 20)) {
      submit(seq)
      pass(1)
      respond([seq])
    }
    submit(21)
    const waits = [1, 2, 0, 1].map((server) => {
      const { beganMs } = context()
      passUntilServer(server)
      return context().beganMs - beganMs
    })
    for (const [at, least] of [250, 500, 1_000, 1_000].entries()) {
      expect(waits[at]).toBeGreaterThanOrEqual(least)
      expect(waits[at]).toBeLessThan(least * 1.25)
    }
  })

  it('asks the next server for everything, also for what the server held', () => {
    const { submit, hold, passUntilServer } = start()
    submit(3)
    hold([2])
    expect(passUntilServer(1)).toEqual([send(1, [1, 2, 3], { avoid: 0 })])
  })

  it('names the server that it left until the next one answers', () => {
    const { submit, respond, passUntilServer } = start()
    submit(2)
    passUntilServer(1)
    expect(submit(3)).toEqual([send(1, [3], { below: 1, avoid: 0 })])
    respond([1], 0)
    expect(submit(4)).toEqual([send(1, [4], { below: 2, avoid: 0 })])
    respond([2], 1)
    expect(submit(5)).toEqual([send(1, [5], { below: 3 })])
  })

  it('leaves a server although another one answers late', () => {
    const { submit, respond, pass, passUntilServer, context } = start()
    submit(2)
    passUntilServer(1)
    pass(500)
    respond([1], 0)
    const { silentMs } = context()
    expect(silentMs).toBeGreaterThan(0)
    expect(passUntilServer(2)).toEqual([send(2, [2], { avoid: 1 })])
  })

  it('stays with a server that answers something in each interval', () => {
    const { submit, respond, passInterval, context } = start()
    submit(1)
    for (const seq of range(2, 60)) {
      submit(seq)
      passInterval()
      respond([seq])
    }
    expect(context().server).toBe(0)
  })

  it('goes on with the same server when there is no other, and avoids none', () => {
    const { submit, pass, context } = start()
    submit(1, 1, 1)
    expect(pass(1_200).every((output) => output.type === 'send' && output.to === 0)).toBe(true)
    expect(context()).toMatchObject({ server: 0, avoid: null, failures: 1 })
  })

  it.each([
    'notMember',
    'stopping',
    'noSpace',
  ] as const)('asks the next server at once when told %s', (reason) => {
    const { submit, refuse, state } = start()
    submit(1)
    expect(refuse([1], reason)).toEqual([send(1, [1], { avoid: 0 })])
    expect(state()).toBe('asking')
  })

  it('is turned away by each server once, and then backs off before the next round', () => {
    const { submit, refuse, pass, state, context } = start()
    submit(1)
    expect(refuse([1], 'notMember', 0)).toEqual([send(1, [1], { avoid: 0 })])
    expect(refuse([1], 'stopping', 1)).toEqual([send(2, [1], { avoid: 1 })])
    expect(refuse([1], 'notMember', 2)).toEqual([])
    expect(state()).toBe('backingOff')
    expect(pass(context().backoffMs)).toEqual([send(0, [1], { avoid: 2 })])
    expect(refuse([1], 'notMember', 0)).toEqual([send(1, [1], { avoid: 0 })])
  })

  it('hears late or duplicated refusals of a server that it has left, and stays where it is', () => {
    const { submit, refuse, context } = start()
    submit(1)
    refuse([1], 'notMember')
    expect(refuse([1], 'notMember')).toEqual([])
    expect(refuse([1], 'busy')).toEqual([])
    expect(context().server).toBe(1)
  })
})

describe('waiting', () => {
  it('asks again each second as long as the server confirms', () => {
    const { submit, hold, respond, pass, state } = start()
    submit(1)
    pass(50)
    expect(hold([1])).toEqual([])
    expect(state()).toBe('waiting')
    for (let round = 0; round < 5; round += 1) {
      expect(pass(990)).toEqual([])
      expect(pass(30)).toEqual([send(0, [1])])
      expect(hold([1])).toEqual([])
    }
    expect(respond([1])).toEqual([answers([1])])
    expect(state()).toBe('idle')
  })

  it('asks again later when the server says so, and each second when that is not answered', () => {
    const { submit, hold, pass } = start()
    submit(1)
    hold([1], 0, { askAgainMs: 8_000 })
    expect(pass(7_999)).toEqual([])
    expect(pass(1)).toEqual([send(0, [1])])
    hold([1], 0, { askAgainMs: 4_000 })
    expect(pass(3_999)).toEqual([])
    expect(pass(2_000)).toEqual([send(0, [1]), send(0, [1])])
    expect(pass(1)).toEqual([send(1, [1], { avoid: 0 })])
  })

  it('never asks again earlier because the server says so', () => {
    const { submit, hold, pass } = start()
    submit(1)
    hold([1], 0, { askAgainMs: 10 })
    expect(pass(999)).toEqual([])
    expect(pass(1)).toEqual([send(0, [1])])
  })

  it('leaves a server that is silent to a new request long before that time', () => {
    const { submit, hold, pass, context } = start()
    submit(1)
    hold([1], 0, { askAgainMs: 10_000 })
    pass(3_000)
    submit(2)
    expect(sentSeqs(pass(1_000))).toContain(1)
    expect(context().server).not.toBe(0)
  })

  it('fails over when the server has confirmed nothing for three seconds', () => {
    const { submit, hold, pass } = start()
    submit(1)
    hold([1])
    expect(pass(2_999)).toEqual([send(0, [1]), send(0, [1])])
    expect(pass(1)).toEqual([send(1, [1], { avoid: 0 })])
  })

  it('fails over from a server that answers other requests, and forgot this one', () => {
    const { submit, hold, respond, pass, context } = start()
    submit(1)
    hold([1])
    for (const seq of range(2, 1_200)) {
      submit(seq)
      pass(3)
      respond([seq], context().server)
      if (context().server === 1) break
    }
    expect(context().server).toBe(1)
    expect(context().nowMs).toBeLessThan(3_200)
  })

  it('asks for a new request at once, and not again for the held one', () => {
    const { submit, hold, state } = start()
    submit(1)
    hold([1])
    expect(submit(2)).toEqual([send(0, [2], { below: 1 })])
    expect(state()).toBe('asking')
    hold([2])
    expect(state()).toBe('waiting')
  })

  it('hears no confirmation of a server that it has left', () => {
    const { submit, hold, passUntilServer, state } = start()
    submit(1)
    passUntilServer(1)
    hold([1], 0)
    expect(state()).toBe('asking')
    hold([1], 1)
    expect(state()).toBe('waiting')
  })

  it('leaves a server that held the request and is stopping', () => {
    const { submit, hold, refuse } = start()
    submit(1)
    hold([1])
    expect(refuse([1], 'stopping')).toEqual([send(1, [1], { avoid: 0 })])
  })

  it('counts refusals anew after a server has held the request', () => {
    const { submit, hold, refuse } = start()
    submit(1)
    refuse([1], 'stopping', 0)
    refuse([1], 'stopping', 1)
    hold([1], 2)
    expect(refuse([1], 'stopping', 2)).toEqual([send(0, [1], { avoid: 2 })])
  })

  it('does not count held requests in the window: the request that frees them is asked', () => {
    const { submit, hold, respond } = start()
    submit(2_000)
    for (let held = 0; held < 2_000; ) {
      const seqs = range(held + 1, Math.min(held + 16, 2_000))
      hold(seqs)
      held += seqs.length
    }
    expect(sentSeqs(submit(2_001))).toEqual([2_001])
    respond(range(1, 2_001))
  })
})

describe('backing off', () => {
  it('asks the same server again after a random part of a doubled, capped wait', () => {
    const { submit, refuse, pass, state, context } = start()
    const { backoffMs, backoffLimitMs } = defaultClientTiming
    submit(1)
    for (let refusal = 0; refusal < 9; refusal += 1) {
      expect(refuse([1], 'busy')).toEqual([])
      expect(state()).toBe('backingOff')
      const longest = Math.min(backoffMs * 2 ** refusal, backoffLimitMs)
      const wait = context().backoffMs
      expect(wait).toBeGreaterThanOrEqual(longest / 2)
      expect(wait).toBeLessThanOrEqual(longest)
      expect(pass(wait - 1)).toEqual([])
      expect(pass(1)).toEqual([send(0, [1])])
    }
  })

  it('waits no longer for a refusal that arrives twice, and asks again for all that were refused', () => {
    const { submit, refuse, pass, context } = start()
    submit(3)
    refuse([1], 'busy')
    const wait = context().backoffMs
    pass(wait - 1)
    refuse([1, 2], 'busy')
    expect(pass(1)).toEqual([send(0, [1, 2])])
  })

  it('keeps new requests back until the wait is over', () => {
    const { submit, refuse, pass, context } = start()
    submit(1)
    refuse([1], 'busy')
    expect(submit(2)).toEqual([])
    expect(pass(context().backoffMs)).toEqual([send(0, [1, 2])])
  })

  it('ends with the last answer, or when its wait is over', () => {
    const { submit, refuse, respond, state, pass } = start()
    submit(2)
    refuse([1], 'busy')
    expect(respond([1], 1)).toEqual([answers([1], 1)])
    expect(state()).toBe('backingOff')
    expect(respond([2], 1)).toEqual([answers([2], 1)])
    expect(state()).toBe('idle')
    expect(pass(5_000)).toEqual([])
  })

  it('draws from its seed alone', () => {
    const drawn = [start(), start()].map(({ submit, refuse, context }) => {
      submit(1)
      refuse([1], 'busy')
      return context().backoffMs
    })
    expect(drawn[0]).toBe(drawn[1])
  })
})

describe('the window', () => {
  it('holds requests back, and lets them go in order as answers come', () => {
    const { submit, respond, context } = start()
    expect(sentSeqs(submit(300))).toEqual(range(1, initialWindow))
    expect(sentSeqs(respond([1, 2]))).toEqual(range(initialWindow + 1, initialWindow + 4))
    let answered = 2
    while (!hasNoRequests(context().requests)) {
      const { open } = context().requests
      respond(open.map(({ seq }) => seq))
      answered += open.length
    }
    expect(answered).toBe(300)
  })

  it('grows with the answers up to a limit', () => {
    const { submit, respond, context } = start()
    for (let round = 0; round < 30; round += 1) {
      submit(context().requests.nextSeq + 200)
      respond(context().requests.open.map(({ seq }) => seq))
    }
    expect(context().window).toBe(largestWindow)
  })

  it('halves with each silent interval and with each refusal, down to a limit', () => {
    const { submit, refuse, pass, passInterval, context } = start()
    submit(200)
    expect(sentSeqs(passInterval())).toEqual(range(1, initialWindow / 2))
    expect(context().window).toBe(initialWindow / 2)
    refuse(range(1, 64), 'busy')
    expect(context().window).toBe(smallestWindow)
    expect(sentSeqs(pass(context().backoffMs))).toEqual(range(1, smallestWindow))
    refuse([1], 'busy')
    expect(context().window).toBe(smallestWindow)
  })

  it('bounds the bytes too, but lets one request of any size go', () => {
    const { submit, respond } = start()
    expect(sentSeqs(submit(5, 30_000))).toEqual([1, 2])
    expect(sentSeqs(respond([1]))).toEqual([3])
    const large = start()
    expect(sentSeqs(large.submit(2, 200_000))).toEqual([1])
    expect(sentSeqs(large.respond([1]))).toEqual([2])
  })

  it('returns to a new server only as many requests as it holds, and the others as answers come', () => {
    const { submit, respond, passUntilServer } = start()
    submit(100)
    const first = sentSeqs(passUntilServer(1))
    expect(first).toEqual(range(1, first.length))
    expect(first.length).toBeLessThan(initialWindow)
    expect(sentSeqs(respond(first, 1))[0]).toBe(first.length + 1)
  })

  it('reports the late answer to a request that the next server was not asked for yet', () => {
    const { submit, respond, passUntilServer } = start()
    submit(64)
    passUntilServer(1)
    expect(respond([64], 0)).toContainEqual(answers([64], 0))
    expect(respond([64], 0)).toEqual([])
  })
})

describe('giving up', () => {
  it.each([
    ['asking', () => undefined],
    ['waiting', ({ hold }: ReturnType<typeof start>) => hold([1])],
    ['backingOff', ({ refuse }: ReturnType<typeof start>) => refuse([1], 'busy')],
  ] as const)('ends what is asked in %s, and nothing is sent any more', (_, prepare) => {
    const client = start()
    client.submit(1)
    prepare(client)
    expect(client.step({ type: 'give.up', seqs: [1] })).toEqual([])
    expect(client.state()).toBe('idle')
    expect(client.respond([1])).toEqual([])
    expect(client.pass(10_000)).toEqual([])
    expect(client.submit(2)).toEqual([send(0, [2])])
  })

  it('makes room in the window', () => {
    const { submit, step } = start()
    submit(66)
    expect(sentSeqs(step({ type: 'give.up', seqs: [1, 66] }))).toEqual([65])
  })

  it('changes nothing for requests that ended already', () => {
    const { submit, respond, step, state } = start()
    submit(2)
    respond([1])
    expect(step({ type: 'give.up', seqs: [1, 7] })).toEqual([])
    expect(state()).toBe('asking')
  })

  it('does not acknowledge the target of a cancel before the cancel has ended', () => {
    const { submit, step, respond } = start()
    submit(2)
    const cancel = { seq: 3, command: { kind: 'cancel', seq: 1 } as const, commandBytes: 1 }
    step({ type: 'request.submitted', requests: [cancel], servers: 3, atMs: 0 })
    step({ type: 'give.up', seqs: [1] })
    respond([2])
    expect(submit(4)).toEqual([send(0, [4], { below: 1 })])
    respond([3])
    expect(submit(5)).toEqual([send(0, [5], { below: 4 })])
  })
})
