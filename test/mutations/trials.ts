/** Which checks each fault is put before, and where. */
import type { PropertyName } from './properties.ts'
import type { BoundsName, WorldName } from './worlds.ts'

export interface Trial {
  /** The bounds within which the model checker looks for it. */
  readonly bounds?: BoundsName
  /** Where schedules of chance are tried; three servers where it is not said. */
  readonly world?: WorldName
  /** A written schedule that shows it: for what chance brings up too seldom. */
  readonly schedule?: string
  /** A saved plan of the simulator that shows it: for what its first seeds do not bring up. */
  readonly plan?: string
  /** A property test that shows it: for what no cluster of the other checks brings up, or too seldom. */
  readonly property?: PropertyName
  /** How many seeds the simulator may need; `budgets.runs` where it is not said. */
  readonly runs?: number
  /** In the simulator's runs nothing fails: for a fault that only costs time or datagrams. */
  readonly withoutFaults?: boolean
  /** The check of `npm test`; where it is not said, the property, the saved plan, the written schedule, or else the model checker. */
  readonly quickest?: 'chance' | 'simulator'
}

/** By the name of the fault; every fault has its trial. */
export const trials: Readonly<Record<string, Trial>> = {
  'compares no digests': { property: 'a server that differs halts' },
  'votes for a server whose outcomes differ': { property: 'no vote for a server that differs' },
  'answers clients while the servers compare': { property: 'no answer from a server in doubt' },
  'folds no results': { property: 'a server that differs halts' },
  'answers for its latest instance, whichever it is asked for': { property: 'a server that differs halts' },
  'counts the digests of one server twice': { property: 'a server that differs halts' },
  'halts because a single server reports another digest': { property: 'a server that differs halts' },
  'accepts below its promise': { bounds: 'a duel' },
  'says a promise that is not durable': { bounds: 'a duel' },
  'an accept above the promise does not raise it': { bounds: 'a duel' },
  'a promise leaves out the highest accepted': { bounds: 'a duel' },
  'votes before it is admitted, from an empty disk': {
    bounds: 'a server whose directory is not the one that was admitted',
    world: 'three servers, one of which may lose its disk',
  },
  'takes what it accepted at another ballot for chosen': {
    bounds: 'a duel, two instances',
    schedule: 'losers-implied.txt',
  },
  'takes what it accepted for chosen when a settled names another ballot': {
    schedule: 'settled-another-ballot.txt',
  },
  'takes what it accepted for chosen when a settled names no ballot': {
    schedule: 'settled-without-ballot.txt',
  },
  'sends settled before a quorum accepted': { bounds: 'a duel' },
  'counts a duplicate as a vote': { bounds: 'five servers, one proposes' },
  'adopts the batch of the lowest ballot': { bounds: 'a duel' },
  'skips helping': { bounds: 'a duel' },
  'starts the next instance early': { bounds: 'a duel' },
  'uses a ballot again after a restart': {
    bounds: 'a proposer that restarts',
    schedule: 'reused-ballot.txt',
  },
  'takes a promise for an older ballot of its own': { bounds: 'a duel' },
  'adds up votes for different ballots': { bounds: 'a duel', schedule: 'votes-across-ballots.txt' },
  'takes half of the members for a quorum': { bounds: 'four servers', world: 'four servers' },
  'applies a change of members one instance early': {
    bounds: 'four servers, two of which are removed',
    world: 'four servers, two of which may be removed',
  },
  // It takes five servers and three instances, more than is searched in a minute.
  'goes on at its ballot where a rival had its batch chosen': { schedule: 'rival-chosen.txt' },
  'proposes without catching up': { bounds: 'a duel' },
  // It takes a member that is not counted yet: in the simulator one is added some time before it begins.
  'counts a quorum among all members, admitted or not': { plan: 'quorum-of-all.json', runs: 500 },
  'is prepared without its own promise': { bounds: 'a proposer that restarts' },
  'counts a late promise for an earlier prepare of the same ballot': { schedule: 'late-promise.txt' },
  "takes a rival's lower round for the highest seen": { schedule: 'two-rivals.txt', runs: 60 },
  'keeps its ballot although a rival changed the members': {
    bounds: 'four servers, two of which are removed',
    world: 'four servers, two of which may be removed',
    quickest: 'chance',
  },
  'sends every accept twice': { withoutFaults: true, quickest: 'simulator' },
  'gives up its ballot after every instance': { quickest: 'simulator' },
  'tells every server what was chosen': { quickest: 'simulator' },
  'begins its wait anew for every rival': { schedule: 'two-rivals.txt' },
  'persists and says as accepted what is settled': { bounds: 'a proposer that restarts' },
  'keeps the lower ballot when a batch of a higher one takes its place': { quickest: 'chance' },
  'does not know after a restart that its own acceptor holds something': {
    bounds: 'a proposer that restarts',
    quickest: 'chance',
  },
  'asks an informant that was removed': {
    world: 'four servers, two of which may be removed',
    quickest: 'chance',
  },
  'keeps the answers to the inquiry before': { quickest: 'simulator' },
  'counts the answers of servers that are no members': { schedule: 'stranger-answers.txt' },
  'keeps the requests of its clients in silence when it is removed': {
    bounds: 'four servers, two of which are removed',
    world: 'four servers, two of which may be removed',
    quickest: 'chance',
  },
  'answers before it is executed': { bounds: 'a duel' },
  'hands on what was handed over': { quickest: 'chance' },
  'hands over to the server that the client left': { bounds: 'a duel' },
  'drops a request when it is handed over': { quickest: 'chance' },
  'keeps a delayed request that another server holds': { quickest: 'chance' },
  'never competes with a silent leader': { quickest: 'chance' },
  'counts votes by id alone, of any directory': {
    bounds: 'two servers, one of which runs on with the directory that was replaced',
  },
  'helps what was accepted above a hole': { schedule: 'void-record.txt' },
  'waits for ever for what somebody knew to be chosen': { schedule: 'only-one-knew.txt' },
  'answers reads without asking a quorum': {
    bounds: 'two reads at a server that does not propose',
    world: 'three servers, with reads',
  },
  'has a read join a question that was sent': {
    bounds: 'two reads at a server that does not propose',
    schedule: 'read-joins-late.txt',
  },
  'answers reads before it has executed what may be chosen': {
    bounds: 'two reads at a server that does not propose',
    world: 'three servers, with reads',
  },
  'counts answers to an earlier question': {
    bounds: 'two reads at a server that does not propose',
    schedule: 'read-earlier-question.txt',
  },
  'keeps the answers of the members before': { schedule: 'read-members-before.txt' },
  'shows a reader only what it knows to be chosen': {
    bounds: 'two reads at a server that does not propose',
    world: 'three servers, with reads',
  },
  'confuses the writes of the acceptor with those of the learner': { quickest: 'simulator' },
  "takes the end of a learner's write for that of an acceptor's": { quickest: 'simulator' },
  'takes the founders for its members when it starts': { quickest: 'simulator' },
  'takes a late message of an earlier boot for proof of a copy': { quickest: 'simulator' },
  'counts an older boot': { property: 'a copy is exposed' },
  'tells no role of new members': { quickest: 'simulator' },
  'loses the session table at a restart': { bounds: 'one server that restarts' },
  'executes a retry twice': { bounds: 'a request that two servers are asked for', quickest: 'chance' },
  // In the checker a client has one request at a time.
  'drops a delayed seq because a later one was executed': { quickest: 'chance' },
  // That nothing happens any more breaks no invariant that the checker judges: it has no end of faults after which to ask.
  // Time stands still in the checker and in schedules of chance.
  'counts the time of a batch twice': { quickest: 'simulator' },
  'measures from the first sight of any batch': { plan: 'first-sight-of-any.json' },
  'counts the time of two batches that overlap': { quickest: 'simulator' },
  'rounds the time of a batch up': { quickest: 'simulator' },
  'forgets sessions that were used lately': { quickest: 'simulator' },
  'wakes nobody when a lock is freed': { quickest: 'chance' },
  'does not name the servers that hold a request as concerned': { quickest: 'chance' },
  'executes otherwise at each server': { bounds: 'a duel, two instances', quickest: 'chance' },
  'keeps the state of a service that threw': { quickest: 'chance' },
  'checks results on some servers only': { quickest: 'chance' },
  // In schedules of chance all sessions are open from the start.
  'keeps fewer sessions on some servers': { quickest: 'simulator' },
  'forgets results on some servers only': { quickest: 'chance' },
  'executes again what it has forgotten': { quickest: 'chance' },
  'counts a minute for the time that it was down': { plan: 'minute-of-absence.json' },
  'counts a lease by the wall clock alone': { plan: 'lease-by-wall-clock.json' },
  'gives a batch that it helps another elapsedMs': { bounds: 'a duel' },
  // Nobody revokes a session in the simulator, and its services set no timer.
  'counts a touch of a session that was revoked': { property: 'sessions beside a list' },
  'fires a timer twice': { property: 'timers beside a list' },
  'fires a timer that was set again at its old deadline': { property: 'timers beside a list' },
  'takes a delayed request that is proposed again for a sign of life': { property: 'sessions beside a list' },
  'is not told that a session has ended': {
    property: 'sessions beside a list',
    world: 'three servers, and a session that ends',
  },
  'leaves the request of a session that has ended in the line': {
    property: 'the lock service beside lists',
    world: 'three servers, and a session that ends',
  },
  'keeps a grant that nobody collects': { property: 'the lock service beside lists' },
  'grants out of order': { property: 'the lock service beside lists' },
  // The clients of the other checks take locks exclusively.
  'two shared grants share a token': { property: 'the lock service beside lists' },
  'installs a snapshot that is older than what it knows': { plan: 'older-snapshot.json', runs: 300 },
  'answers a question below its snapshot with the batches above it': { quickest: 'simulator', runs: 100 },
  'a snapshot forgets the quota': { property: 'a restored replica beside one that executed everything' },
  'a snapshot forgets the version of the service': {
    property: 'a restored replica beside one that executed everything',
  },
  'a snapshot forgets a part of the size that the quota bounds': {
    property: 'a restored replica beside one that executed everything',
  },
  'a snapshot forgets the sessions': { property: 'a restored replica beside one that executed everything' },
  'a snapshot forgets the outcomes of requests': {
    property: 'a restored replica beside one that executed everything',
  },
  'a snapshot forgets the requests that wait': {
    property: 'a restored replica beside one that executed everything',
  },
  'a snapshot forgets which sessions are revoked': {
    property: 'a restored replica beside one that executed everything',
  },
  'a snapshot forgets for which sessions something is kept': {
    property: 'a restored replica beside one that executed everything',
  },
  'a snapshot forgets what was acknowledged': {
    property: 'a restored replica beside one that executed everything',
  },
  'a snapshot forgets the last touch': { property: 'a restored replica beside one that executed everything' },
  'a snapshot forgets that it forgot outcomes': {
    property: 'a restored replica beside one that executed everything',
  },
  'a snapshot forgets for how long clients of plain text were idle': {
    property: 'a restored replica beside one that executed everything',
  },
  'a snapshot forgets the ends of sessions': {
    property: 'a restored replica beside one that executed everything',
  },
  'a snapshot forgets the timers': { property: 'a restored replica beside one that executed everything' },
  'a snapshot forgets the clock': { property: 'a restored replica beside one that executed everything' },
  'a snapshot forgets changes of the members': {
    property: 'a restored replica beside one that executed everything',
  },
  'a snapshot forgets the last row of the service': {
    property: 'a restored replica beside one that executed everything',
  },
  'draws a capture from a later state': { property: 'a capture beside a snapshot' },
  // Only the simulator has files.
  'writes head before the sync that it vouches for': { quickest: 'simulator' },
  'lets a log end before head': { plan: 'log-ends-early.json', runs: 500 },
  'takes a failed read for the end of the file': { plan: 'failed-read.json', runs: 500 },
  'acknowledges a group before its sync': { quickest: 'simulator' },
  'takes a failed sync for a success': { plan: 'failed-sync.json', runs: 200 },
  'removes a segment before the next one is synced': { quickest: 'simulator' },
  'makes nothing durable when it opens': { plan: 'opening-not-synced.json', runs: 200 },
  'deletes what a snapshot contains before the snapshot is durable': { property: 'a store beside a model' },
  'names a snapshot whose file is not synced': { property: 'a store beside a model' },
  'forgets its votes with the segments that it deletes': { property: 'a store beside a model' },
  'deletes the batches of the tail': { property: 'a store beside a model' },
  'records what it has kept of a snapshot before that is synced': {
    property: 'a received snapshot beside its bytes',
  },
  'goes on with what it has kept of another snapshot': { property: 'a received snapshot beside its bytes' },
  'goes on with what it has kept, whatever the disk made of it': {
    property: 'a received snapshot beside its bytes',
  },
  'starts from a snapshot whose bytes do not match': { property: 'a store beside a model' },
}

/** The trial of that fault. Throws when it has none. */
export function trialOf(name: string): Trial {
  const trial = trials[name]
  if (trial === undefined) throw new Error(`the fault "${name}" is put before no check`)
  return trial
}
