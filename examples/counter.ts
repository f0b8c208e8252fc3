/**
 * A service of one's own: named counters, and requests that wait until a counter is high enough. Runs three servers and a client in one
 * process, in memory: `npx tsx examples/counter.ts`. The first port can be given as an argument.
 */
import { connect, defineService, type Json, sortedMap, startNode } from 'paxos-made-simpler'

type Counters = sortedMap.SortedMap<number>

type Command =
  | { readonly action: 'add'; readonly name: string; readonly amount: number }
  | { readonly action: 'await'; readonly name: string; readonly atLeast: number }

const counterService = defineService<Counters, Command, number>({
  name: 'counter',
  initial: () => sortedMap.emptyMap,
  /** Throws for what is no command: the request then fails, with this reason. */
  parse(body: Json): Command {
    const { action, name, amount, atLeast } = body as { readonly [field: string]: Json | undefined }
    if (typeof name !== 'string') throw new Error('name must be a text')
    if (action === 'add' && Number.isSafeInteger(amount)) return { action, name, amount: Number(amount) }
    if (action === 'await' && Number.isSafeInteger(atLeast)) return { action, name, atLeast: Number(atLeast) }
    throw new Error('action must be add, with an amount, or await, with atLeast')
  },
  /** The same on every server: it uses no clock and no randomness, and never writes into `state`. */
  execute(state, command) {
    const value = sortedMap.get(state, command.name) ?? 0
    if (command.action === 'await') {
      // A freed key wakes one request of each server; one that runs wakes the next.
      return value >= command.atLeast
        ? { kind: 'executed', state, result: value, freed: [command.name] }
        : { kind: 'delayed', state, key: command.name }
    }
    const sum = value + command.amount
    return {
      kind: 'executed',
      state: sortedMap.put(state, command.name, sum),
      result: sum,
      freed: [command.name],
    }
  },
  /** An entry a row: the rows of a large map are drawn little by little. */
  snapshot: (state) => sortedMap.each(state),
  restore: (rows) => sortedMap.mapOf(rows as Iterable<[string, number]>),
})

const firstPort = Number(process.argv[2] ?? 29_470)
const members = [0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${firstPort + id}` }))
// Founders wait for each other, so those of one process start side by side.
const nodes = await Promise.all(
  members.map(({ id, address }) =>
    startNode({
      id,
      listen: address,
      dataDir: null,
      bootstrap: { members },
      service: counterService,
    }),
  ),
)
const client = connect({ servers: members.map(({ address }) => address) })

const waiting = client.request({ action: 'await', name: 'visits', atLeast: 3 })
for (let visit = 1; visit <= 3; visit += 1) {
  const { result } = await client.request({ action: 'add', name: 'visits', amount: 1 })
  console.log(`visits: ${JSON.stringify(result)}`)
}
console.log(`the request that waited got ${JSON.stringify((await waiting).result)}`)

await client.close()
await Promise.all(nodes.map((node) => node.stop()))
