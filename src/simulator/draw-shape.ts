/** Combinations of faults that reach rare situations. Independent draws seldom produce them. */
import type { NodeId } from '../../machines/batch.ts'
import type { CutLink, Fault, FaultKind } from './plan.ts'
import type { Random } from './random.ts'

export interface Shape {
  /** The time at which clients must have requests in progress. */
  readonly busyAtMs: number
  readonly faults: readonly Fault[]
  /** A server takes a snapshot after this many requests; omitted when the shape needs none. */
  readonly snapshotEvery?: number
}

interface Draw {
  readonly random: Random
  readonly servers: number
  readonly stormMs: number
  readonly allowed: readonly FaultKind[]
}

/** The percentage of runs for each shape. */
const percent = 12

/** A shape with only allowed faults, or `null`, as in most runs. */
export function drawShape(draw: Draw): Shape | null {
  const { random, allowed } = draw
  const isTurnover = random.chance(percent)
  const isHoles = random.chance(percent)
  const isOldDirectory = random.chance(percent)
  const isAgain = random.chance(percent)
  const may = (...kinds: FaultKind[]) => kinds.every((kind) => allowed.includes(kind))
  if (isTurnover && draw.servers > 1 && may('cut', 'join', 'remove')) return drawTurnover(draw)
  if (isHoles && draw.servers > 2 && may('cut', 'crash', 'lostChosen', 'pause')) return drawHoles(draw)
  if (isOldDirectory && draw.servers === 3 && may('replace', 'crash', 'oldDirectory')) {
    return drawOldDirectory(draw)
  }
  if (isAgain && draw.servers > 1 && may('crash', 'delay')) return drawAgain(draw)
  // Drawn last, so that the other shapes do not depend on it.
  if (draw.servers > 2 && may('cut', 'crash') && random.chance(percent)) return drawLate(draw)
  return null
}

/**
 * A server learns that it is behind but cannot send. Meanwhile all other servers that it knows are removed and stopped, and new
 * servers take their places. When it can send again, none of the servers that it knows is left.
 */
function drawTurnover({ random, servers, stormMs }: Draw): Shape {
  const ids = random.shuffled(idsBelow(servers))
  const [mute = 0, ...others] = ids
  const joining = [servers, servers + 1]
  const atMs = random.between(500, stormMs >> 2)
  const all = [...ids, ...joining].filter((id) => id !== mute)
  const faults: Fault[] = [
    // The server misses the first instances, so it has to ask for them later.
    { kind: 'cut', links: to(mute, all), atMs, forMs: random.between(100, 1_000) },
    { kind: 'cut', links: from(mute, all), atMs, forMs: random.between(stormMs >> 1, stormMs - atMs) },
  ]
  others.forEach((server, index) => {
    const next = joining[index]
    const turnMs = atMs + 300 * (index + 1)
    if (next !== undefined) faults.push({ kind: 'join', server: next, atMs: turnMs })
    faults.push({ kind: 'remove', server, stopAfterMs: random.below(300), atMs: turnMs + 1 })
  })
  return { busyAtMs: atMs, faults }
}

/**
 * A minority misses one or two accepts. Then it receives everything but cannot send: it holds accepted records and knows of no
 * chosen instance. Then the minority is needed: of the other servers one remains, which has lost the chosen batches that it
 * had learned.
 */
function drawHoles({ random, servers, stormMs }: Draw): Shape {
  const ids = random.shuffled(idsBelow(servers))
  const atMs = random.between(500, stormMs >> 1)
  const forMs = random.between(500, stormMs >> 2)
  const endMs = atMs + forMs
  const minority = ids.slice(0, (servers - 1) >> 1)
  const [helper = 0, ...others] = ids.slice(minority.length)
  const faults: Fault[] = [{ kind: 'lostChosen', percent: 100, atMs, forMs: forMs + 1_000 }]
  for (const mute of minority) {
    const all = ids.filter((id) => id !== mute)
    faults.push(
      { kind: 'cut', links: to(mute, all), atMs: atMs + random.below(200), forMs: random.between(20, 300) },
      { kind: 'cut', links: from(mute, all), atMs, forMs },
    )
  }
  const crash = { kind: 'crash', during: 'nothing', calls: 0, unsynced: 'lost' } as const
  faults.push({ ...crash, server: helper, atMs: endMs - random.below(100), forMs: random.between(1, 100) })
  for (const server of others) {
    const awayMs = random.between(500, stormMs - endMs)
    const isCrash = random.chance(50)
    const away = isCrash ? crash : ({ kind: 'pause' } as const)
    faults.push({ ...away, server, atMs: endMs - random.below(100), forMs: awayMs })
  }
  return { busyAtMs: atMs, faults }
}

/**
 * One of three servers is replaced, and a batch is chosen without the third. Then only the third server runs, together with the old
 * directory of the replaced one. By their ids these two would be a quorum.
 */
function drawOldDirectory({ random, stormMs }: Draw): Shape {
  const [replaced = 0, third = 1, other = 2] = random.shuffled(idsBelow(3))
  const atMs = random.between(300, stormMs >> 2)
  const awayMs = atMs + random.between(600, 1_500)
  const backMs = awayMs + random.between(300, 1_000)
  const forMs = random.between(500, Math.max(500, stormMs - backMs))
  const crash = { kind: 'crash', during: 'nothing', calls: 0, unsynced: 'lost' } as const
  const faults: Fault[] = [
    { kind: 'replace', server: replaced, atMs },
    { ...crash, server: third, atMs: awayMs, forMs: backMs - awayMs },
    { kind: 'oldDirectory', server: replaced, atMs: backMs, forMs },
    { ...crash, server: other, atMs: backMs, forMs },
  ]
  return { busyAtMs: awayMs, faults }
}

/**
 * A server crashes again and again while its disk syncs its latest promise, and restarts immediately. Answers to its earlier messages
 * arrive late. So it prepares a ballot that it has prepared before and has forgotten.
 */
function drawAgain({ random, servers, stormMs }: Draw): Shape {
  const server = random.below(servers)
  const atMs = random.between(500, stormMs >> 1)
  const forMs = stormMs >> 2
  const faults: Fault[] = [
    { kind: 'delay', percent: random.between(20, 50), delayMs: random.between(5, 100), atMs, forMs },
  ]
  for (let nextMs = atMs; nextMs < atMs + forMs; nextMs += random.between(20, 300)) {
    const unsynced = random.chance(80) ? 'lost' : 'kept'
    faults.push({
      kind: 'crash',
      server,
      during: 'sync',
      calls: 0,
      unsynced,
      atMs: nextMs,
      forMs: random.between(1, 30),
    })
  }
  return { busyAtMs: atMs, faults }
}

/**
 * A server is cut off while the others take snapshots. When it receives the snapshot of one of them, it crashes just after it has kept a
 * chunk, again and again, and restarts immediately.
 */
function drawLate({ random, servers, stormMs }: Draw): Shape {
  // Not the server that clients ask first: without it, nothing is chosen for a while.
  const late = random.between(1, servers - 1)
  const others = idsBelow(servers).filter((id) => id !== late)
  const atMs = random.between(500, stormMs >> 1)
  const forMs = random.between(300, 1_500)
  const faults: Fault[] = [{ kind: 'cut', links: [...to(late, others), ...from(late, others)], atMs, forMs }]
  const crashes = random.between(2, 5)
  for (let crash = 0, nextMs = atMs + forMs; crash < crashes; crash += 1, nextMs += random.between(50, 800)) {
    faults.push({
      ...{ kind: 'crash', server: late, during: 'chunk', calls: random.below(3), atMs: nextMs },
      unsynced: random.pick(['lost', 'kept', 'torn', 'cached'] as const),
      forMs: random.between(1, 30),
    })
  }
  return { busyAtMs: atMs, faults, snapshotEvery: random.between(5, 15) }
}

function idsBelow(count: number): NodeId[] {
  return Array.from({ length: count }, (_, id) => id)
}

function from(server: NodeId, others: readonly NodeId[]): CutLink[] {
  return others.map((other) => [server, other])
}

function to(server: NodeId, others: readonly NodeId[]): CutLink[] {
  return others.map((other) => [other, server])
}
