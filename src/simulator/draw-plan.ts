/** Draws a plan from a seed: the faults and their times, and the requests of each client. */

import type { NodeId } from '../../machines/batch.ts'
import { quotaRange, sessionTtlMs } from '../../machines/limits.ts'
import { drawClients } from './draw-clients.ts'
import { drawShape } from './draw-shape.ts'
import type { CutLink, Fault, FaultKind, Plan, ServiceName, Target } from './plan.ts'
import { damagings, faultKinds } from './plan.ts'
import { Random, seedFor } from './random.ts'

export interface PlanOptions {
  /** The number of founders. Default: one to five, drawn, most often three. */
  readonly servers?: number
  /** The kinds of faults that may occur. Default: all. */
  readonly faults?: readonly FaultKind[]
}

/** The distribution of the number of founders: one entry for each of a hundred clusters. */
const sizes: readonly number[] = [...Array(5).fill(1), ...Array(10).fill(2), ...Array(55).fill(3)]
  .concat(Array(10).fill(4))
  .concat(Array(20).fill(5))

const unsyncedFates = ['lost', 'kept', 'torn', 'torn', 'cached'] as const

/** The greatest number of servers beside the founders. */
const joiners = 2

/** The plan for `seed`. The same seed and options give the same plan. */
export function drawPlan(seed: number, options: PlanOptions = {}): Plan {
  const random = new Random(seed)
  const servers = options.servers ?? random.pick(sizes)
  const service: ServiceName = random.chance(60) ? 'lock' : 'register'
  const stormMs = random.between(4, 20) * 1_000
  const draw = { random, servers, stormMs }
  const allowed = options.faults ?? faultKinds
  // The shape has its own random sequence, so that the rest of the plan does not depend on it.
  const shape = drawShape({ ...draw, allowed, random: new Random(seedFor(seed, 'shape')) })
  // A run with every fault at once tests each of them badly, so some are left out.
  const kinds = allowed
    .filter((kind): kind is DrawnKind => kind !== 'clientClock' && kind !== 'quota')
    .filter(() => random.chance(shape === null ? 60 : 20))
  const faults = [...kinds.flatMap((kind) => drawFaults(draw, kind)), ...(shape?.faults ?? [])]
  const drawn = {
    format: 3,
    seed,
    servers,
    service,
    stormMs,
    ttlMs: random.chance(25) ? random.between(2, 8) * 1_000 : sessionTtlMs.usual,
    ...(random.chance(15) ? { datagramBytes: random.pick([1_200, 1_200, 2_000, 8_000]) } : {}),
    clients: drawClients(random, { service, servers, stormMs, busyAtMs: shape?.busyAtMs ?? null }),
  } as const
  // Snapshots have their own random sequence, so that the rest of the plan does not depend on them.
  const snapshots = new Random(seedFor(seed, 'snapshots'))
  const snapshotEvery = shape?.snapshotEvery ?? (snapshots.chance(75) ? snapshots.between(2, 40) : undefined)
  const quota = drawQuota(new Random(seedFor(seed, 'quota')), stormMs, allowed)
  faults.push(...quota.faults)
  const plan = { ...drawn, ...(snapshotEvery === undefined ? {} : { snapshotEvery }), ...quota.founding }
  // The clocks of clients have their own random sequence, so that the rest of the plan does not depend on them.
  const clocks = new Random(seedFor(seed, 'clocks of clients'))
  if (!allowed.includes('clientClock') || clocks.chance(50)) return { ...plan, faults: faults.sort(byTime) }
  const jumps = Array.from({ length: clocks.between(1, 6) }, () => drawClientClock(clocks, plan))
  // They matter to sessions that end during the run.
  const ttlMs = Math.min(plan.ttlMs, clocks.between(2, 8) * 1_000)
  return { ...plan, ttlMs, faults: [...faults, ...jumps].sort(byTime) }
}

/** In one of seven runs a new cluster has little room for its state, and gets more later. It has its own random sequence, too. */
function drawQuota(
  random: Random,
  stormMs: number,
  allowed: readonly FaultKind[],
): { readonly founding: Pick<Plan, 'quotaBytes'>; readonly faults: readonly Fault[] } {
  if (!allowed.includes('quota') || !random.chance(15)) return { founding: {}, faults: [] }
  const { least: bytes } = quotaRange
  return {
    founding: { quotaBytes: random.between(0, 12_000) },
    faults: [{ kind: 'quota', atMs: random.below(stormMs), bytes }],
  }
}

function byTime(a: Fault, b: Fault): number {
  return a.atMs - b.atMs
}

function drawClientClock(random: Random, { stormMs, clients }: Pick<Plan, 'stormMs' | 'clients'>): Fault {
  const [atMs, client, jumpMs] = [random.below(stormMs), random.below(clients.length), drawJump(random)]
  return { kind: 'clientClock', atMs, client, jumpMs: random.chance(50) ? jumpMs : -jumpMs }
}

/** How far a clock is set: a tenth of a second to a day. */
function drawJump(random: Random): number {
  return random.pick([1, 10, 60, 3_600, 86_400]) * random.between(100, 1_000)
}

/** The kinds that have no random sequence of their own. */
type DrawnKind = Exclude<FaultKind, 'clientClock' | 'quota'>

interface Draw {
  readonly random: Random
  readonly servers: number
  readonly stormMs: number
}

/** The faults of one kind. Their number depends on the length of the storm. */
function drawFaults(draw: Draw, kind: DrawnKind): Fault[] {
  const { random, stormMs } = draw
  const isRare =
    kind === 'damage' || kind === 'join' || kind === 'remove' || kind === 'replace' || kind === 'stop'
  const most = isRare ? 2 : 1 + Math.floor(stormMs / 4_000)
  return Array.from({ length: random.between(1, most) }, () => drawFault(draw, kind)).flatMap((fault) => [
    fault,
    ...restartsThatRead(fault),
  ])
}

/** A server reads most when it starts: a read that is to fail needs a start. */
function restartsThatRead(fault: Fault): readonly Fault[] {
  if (fault.kind !== 'diskError' || fault.call !== 'read') return []
  const { server, atMs } = fault
  const crash = { kind: 'crash', during: 'nothing', calls: 0, unsynced: 'cached' } as const
  return [{ ...crash, server, atMs: atMs + 1, forMs: 1 }]
}

function drawFault({ random, servers, stormMs }: Draw, kind: DrawnKind): Fault {
  const atMs = random.below(stormMs)
  const forMs = random.between(1, Math.min(6_000, stormMs - atMs))
  const lasting = { atMs, forMs }
  const target = (): Target => (random.chance(35) ? 'leader' : random.below(servers))
  switch (kind) {
    case 'loss':
      return { kind, percent: random.between(1, 40), ...lasting }
    case 'duplication':
      return { kind, percent: random.between(1, 40), ...lasting }
    case 'reordering':
      return { kind, maxDelayMs: random.between(2, 60), ...lasting }
    case 'delay':
      return { kind, percent: random.between(1, 15), delayMs: random.between(100, 5_000), ...lasting }
    case 'cut':
      return { kind, links: drawCut(random, servers), ...lasting }
    case 'crash':
      return {
        kind,
        server: target(),
        during: random.pick(['nothing', 'nothing', 'sync', 'sync', 'sync', 'call', 'call'] as const),
        calls: random.below(12),
        unsynced: random.pick(unsyncedFates),
        ...lasting,
      }
    case 'diskError': {
      const call = random.pick(['read', 'write', 'write', 'sync', 'sync', 'other'] as const)
      const code = call === 'write' && random.chance(50) ? 'ENOSPC' : 'EIO'
      return { kind, server: target(), call, code, calls: random.below(8), ...lasting }
    }
    case 'damage':
      return { kind, server: target(), how: random.pick(damagings), ...lasting }
    case 'slowDisk':
      return { kind, server: target(), syncMs: random.between(5, 300), ...lasting }
    case 'pause':
      return { kind, server: target(), ...lasting }
    case 'lostChosen':
      return { kind, percent: random.between(50, 100), ...lasting }
    case 'stop':
      return { kind, atMs, server: target() }
    case 'clock': {
      const jumpMs = drawJump(random)
      const isBefore = random.chance(40)
      const server = random.below(servers)
      return { kind, atMs: isBefore ? 0 : atMs, server, jumpMs: random.chance(50) ? jumpMs : -jumpMs }
    }
    case 'join':
      return {
        kind,
        atMs,
        server: servers + random.below(joiners),
        ...(random.chance(50) ? { addedForMs: random.below(4_000) } : {}),
      }
    case 'remove':
      return { kind, atMs, server: target(), stopAfterMs: random.pick([0, 0, random.below(4_000)]) }
    case 'replace':
      return { kind, atMs, server: target() }
    case 'oldDirectory':
      return { kind, server: random.below(servers), ...lasting }
  }
  kind satisfies never
}

/**
 * Cuts one direction of one link; one server from all others; a ring, in which each server receives from one other only; the
 * cluster into two halves; a server from its clients; or one direction of all links of a server.
 */
function drawCut(random: Random, servers: number): CutLink[] {
  const ids = random.shuffled(Array.from({ length: servers }, (_, id) => id))
  const one = ids[0] ?? 0
  const others = ids.slice(1)
  const bothWays = (some: readonly NodeId[], more: readonly NodeId[]): CutLink[] =>
    some.flatMap((a) =>
      more.flatMap((b): CutLink[] => [
        [a, b],
        [b, a],
      ]),
    )
  switch (random.below(6)) {
    case 0:
      return ids.length > 1 ? [[one, random.pick(others)]] : [[null, one]]
    case 1:
      return bothWays([one], others)
    case 2: {
      // Each server receives only from the one before it.
      const next = (id: NodeId) => ids[(ids.indexOf(id) + 1) % ids.length]
      return ids.flatMap((a) => ids.filter((b) => b !== a && next(a) !== b).map((b): CutLink => [a, b]))
    }
    case 3:
      return bothWays(ids.slice(0, ids.length >> 1), ids.slice(ids.length >> 1))
    case 4:
      return [[null, one]]
    default:
      // The server can send but not receive, or receive but not send.
      return random.chance(50)
        ? [...others.map((id): CutLink => [id, one]), [null, one]]
        : [...others.map((id): CutLink => [one, id]), [one, null]]
  }
}
