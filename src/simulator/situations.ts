/** The situations that simulated runs must meet. In a series that is long enough, no count may remain zero. */
export const situations = [
  'a crash',
  'a crash during a sync',
  'a crash that lost writes',
  'a crash that kept what was written',
  'a crash that tore a write',
  'a process that ended while its writes stayed in the cache',
  'a crash within a call of the file system',
  'a crash of a server that opened its store',
  'a crash of a server that held delayed requests',
  'a failed sync',
  'a failed write',
  'a full disk',
  'a failed read',
  'an interrupted write dropped from a log',
  'synced data damaged',
  'a store that refused damaged data',
  'a snapshot taken or received',
  'a snapshot installed',
  'a transfer of a snapshot resumed after a restart',
  'a slow disk',
  'a process paused',
  'a server stopped for good',
  'a chosen lost that one server alone could tell',
  'a message sent in pieces',
  'a clock set ahead',
  'a clock set back',
  'the clock of a client set ahead',
  'the clock of a client set back',
  'a duplicate promise',
  'a duplicate accepted',
  'a duplicate request',
  'a promise for an older prepare',
  'a promise that shows a batch',
  'a prepare denied for a rival',
  'an accept denied for a rival',
  'an accept above the promise',
  "helping with another server's batch",
  'preparing for what nobody finished',
  'filling a hole below accepted records',
  'filling a hole below a full window of accepted records',
  'an accept beyond the window of the acceptor',
  'a learner that lost all its informants',
  'learning during load',
  'learning several instances at once',
  'learning from instance 0',
  'a batch of several requests',
  'a request chosen twice',
  'a request chosen by two servers',
  'a recorded result told again',
  'a retry refused after its session was forgotten',
  'a delayed request',
  'a delayed request woken from another server',
  'requests handed over to the leader',
  'requests handed over that had ended',
  'a client told that its request is held',
  'a read answered',
  'a read given up',
  'a read that waited for an execution',
  'a request given up',
  'a request taken back in time',
  'a request executed although given up',
  'a client that vanished with a lock',
  'a client that vanished while it waited',
  'a lock whose holder lost its lease',
  'a failover',
  'a request turned away by a server that is no member',
  'a request refused for want of room',
  'a quota changed',
  'a member added',
  'a member that is added and not counted yet',
  'a member removed',
  'a proposer that removes itself',
  'a server replaced after its disk was lost',
  'an old directory brought back under its id',
  'a server denied that is no member',
] as const

/** The situations that a series of a hundred runs may miss. */
export const seldom: readonly Situation[] = [
  'a crash of a server that opened its store',
  'filling a hole below accepted records',
  'filling a hole below a full window of accepted records',
  'a learner that lost all its informants',
  'an old directory brought back under its id',
  'a transfer of a snapshot resumed after a restart',
]

/** A series of this many runs meets every situation. When a longer series misses one, the plans are drawn badly. */
export const runsThatMeetAll = 2_000

/** The situations that were never met. */
export function missedIn(counts: Counts): readonly Situation[] {
  return situations.filter((situation) => counts[situation] === 0)
}

export type Situation = (typeof situations)[number]

/** The number of times that each situation was met. */
export type Counts = Readonly<Record<Situation, number>>

export const noCounts = Object.fromEntries(situations.map((situation) => [situation, 0])) as Counts

export function addCounts(some: Counts, more: Counts): Counts {
  return Object.fromEntries(situations.map((name) => [name, some[name] + more[name]])) as Counts
}
