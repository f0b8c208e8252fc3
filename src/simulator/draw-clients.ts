import type { ClientStep } from './client-steps.ts'
import type { ClientPlan, ServiceName } from './plan.ts'
import type { Random } from './random.ts'

interface Draw {
  readonly service: ServiceName
  readonly servers: number
  readonly stormMs: number
  /** The time at which requests should be in progress; `null` for no such time. */
  readonly busyAtMs: number | null
}

/** The names of locks and keys. There are few, so that clients contend for them. */
const names = ['a', 'b', 'c']

/**
 * Clients that send requests during the storm. In some plans all of them start at server 0. In others some, or all, start at drawn
 * servers, so that servers hand requests over to the leader, and compete with a leader that is silent.
 */
export function drawClients(random: Random, draw: Draw): ClientPlan[] {
  const areSpread = random.chance(40)
  const clients = Array.from({ length: random.between(2, 8) }, () => ({
    beginsAtMs: random.below(Math.max(1, draw.stormMs >> 1)),
    server: areSpread || random.chance(15) ? random.below(draw.servers) : 0,
    lanes: Array.from({ length: random.chance(70) ? 1 : random.between(2, 4) }, () => drawLane(random, draw)),
  }))
  const { busyAtMs } = draw
  if (busyAtMs === null) return clients
  const busy = Array.from({ length: random.between(2, 4) }, () => ({
    beginsAtMs: busyAtMs + random.below(200),
    server: random.below(draw.servers),
    lanes: Array.from({ length: random.between(1, 3) }, () => drawLane(random, draw, random.pick([20, 200]))),
  }))
  return [...clients, ...busy]
}

function drawLane(random: Random, draw: Draw, pace = random.pick([20, 200, 2_000])): ClientStep[] {
  return Array.from({ length: random.between(1, 8) }, (_, place) => ({
    thinkMs: random.below(pace),
    patienceMs: random.chance(15) ? random.below(3_000) : null,
    ...(draw.service === 'lock' ? drawLockStep(random, pace) : drawRegisterStep(random, place)),
  }))
}

type Bare<T> = T extends unknown ? Omit<T, 'thinkMs' | 'patienceMs'> : never

function drawLockStep(random: Random, pace: number): Bare<ClientStep> {
  const name = random.pick(names)
  return random.chance(3)
    ? { kind: 'leave', name }
    : { kind: 'hold', name, holdMs: random.below(Math.min(pace, 500)) }
}

/** Every other read is a request. */
function drawRegisterStep(random: Random, place: number): Bare<ClientStep> {
  const key = random.pick(names)
  const value = () => random.below(8)
  switch (random.below(4)) {
    case 0:
      return { kind: place % 2 === 0 ? 'query' : 'read', key }
    case 1:
      return { kind: 'write', key, value: value() }
    case 2:
      return { kind: 'compareAndSet', key, expected: value(), value: value() }
    default:
      return { kind: 'add', key, amount: 1 + random.below(3) }
  }
}
