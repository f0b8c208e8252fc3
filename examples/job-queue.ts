/**
 * A service of one's own: a job queue. `take` waits for a job; a job that is not done in time is given to another worker. Runs three
 * servers and three clients in one process, in memory: `npx tsx examples/job-queue.ts`. The first port can be given as an argument.
 */
import { connect, defineService, type Json, type RequestName, sortedMap, startNode } from 'paxos-made-simpler'

type Command =
  | { readonly action: 'add'; readonly job: Json }
  /** The job is given to another worker when it is not done within `visibleMs`. */
  | { readonly action: 'take'; readonly visibleMs: number }
  | { readonly action: 'done'; readonly id: string }

interface Queue {
  /** The jobs that wait for a worker, and those that have one, by id: the ids sort in the order in which they were added. */
  readonly ready: sortedMap.SortedMap<Json>
  readonly taken: sortedMap.SortedMap<Json>
  /** The requests that wait, the first first, each with the key that wakes it. */
  readonly line: readonly (RequestName & { readonly key: string })[]
  /** Numbers jobs. */
  readonly next: number
}

const { drop, emptyMap, entriesOf, get, put } = sortedMap
const isSame = (a: RequestName, b: RequestName) => a.uid === b.uid && a.seq === b.seq
/** Wakes the first of the line when there is a job for it. */
const changed = (state: Queue) => ({
  state,
  freed: state.ready === null ? [] : state.line.slice(0, 1).map(({ key }) => key),
})

const jobQueue = defineService<Queue, Command, Json>({
  name: 'jobs',
  initial: () => ({ ready: emptyMap, taken: emptyMap, line: [], next: 1 }),
  parse(body) {
    const { action, job, visibleMs, id } = body as { readonly [field: string]: Json | undefined }
    if (action === 'add' && job !== undefined) return { action, job }
    if (action === 'take' && typeof visibleMs === 'number') return { action, visibleMs }
    if (action === 'done' && typeof id === 'string') return { action, id }
    throw new Error('give add with a job, take with visibleMs in milliseconds, or done with an id')
  },
  execute(state, command, at) {
    const { ready, taken, line, next } = state
    if (command.action === 'add') {
      const id = String(next).padStart(16, '0')
      return {
        kind: 'executed',
        ...changed({ ...state, ready: put(ready, id, command.job), next: next + 1 }),
        result: id,
      }
    }
    if (command.action === 'done') {
      const isDone = get(taken, command.id) !== undefined
      const timers = isDone ? [{ name: command.id, afterMs: null }] : []
      return { kind: 'executed', state: { ...state, taken: drop(taken, command.id) }, timers, result: isDone }
    }
    const own = line.find((other) => isSame(other, at))
    const [first] = entriesOf(ready, 1)
    if (first !== undefined && (line.length === 0 || own === line[0])) {
      const [id, job] = first
      const rest = { ...state, ready: drop(ready, id), taken: put(taken, id, job), line: line.slice(1) }
      return {
        kind: 'executed',
        ...changed(rest),
        timers: [{ name: id, afterMs: command.visibleMs }],
        result: { id, job },
      }
    }
    if (own !== undefined) return { kind: 'delayed', state, key: own.key }
    const waits = { uid: at.uid, seq: at.seq, key: `taker ${at.instance}.${at.index}` }
    return { kind: 'delayed', state: { ...state, line: [...line, waits] }, key: waits.key }
  },
  /** The worker was too slow: its job goes back to its place. */
  timerFired(state, id) {
    const job = get(state.taken, id)
    return job === undefined
      ? { state }
      : changed({ ...state, ready: put(state.ready, id, job), taken: drop(state.taken, id) })
  },
  /** A worker that waited has given up, or its session has ended. */
  requestEnded: (state, request) =>
    changed({ ...state, line: state.line.filter((other) => !isSame(other, request)) }),
  /** All in one row: this queue stays short. */
  snapshot: ({ ready, taken, line, next }) => [
    [entriesOf(ready), entriesOf(taken), line.map((each) => ({ ...each })), next],
  ],
  restore([row]) {
    const [ready, taken, line, next] = row as unknown as [never, never, never, never]
    return { ready: sortedMap.mapOf(ready), taken: sortedMap.mapOf(taken), line, next }
  },
})

const firstPort = Number(process.argv[2] ?? 29_480)
const members = [0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${firstPort + id}` }))
const nodes = await Promise.all(
  members.map(({ id, address }) =>
    startNode({ id, listen: address, dataDir: null, bootstrap: { members }, service: jobQueue }),
  ),
)
const servers = members.map(({ address }) => address)
const clients = [0, 1, 2].map(() => connect({ servers, service: jobQueue }))
const [office, slow, diligent] = clients

const take = { action: 'take', visibleMs: 300 } as const
const first = slow?.request(take)
await office?.request({ action: 'add', job: 'wash' })
console.log(`the slow worker takes ${JSON.stringify((await first)?.result)}, and is never done with it`)
const again = (await diligent?.request(take))?.result as { readonly id: string; readonly job: Json }
console.log(`the diligent worker is given ${JSON.stringify(again)}`)
const done = await diligent?.request({ action: 'done', id: again.id })
console.log(`done: ${JSON.stringify(done?.result)}`)

await Promise.all(clients.map((client) => client.close()))
await Promise.all(nodes.map((node) => node.stop()))
