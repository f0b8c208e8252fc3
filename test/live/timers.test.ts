/** Real servers, in this process, that run a service with timers: nobody but the cluster itself proposes at a deadline. */
import { afterEach, expect, test } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import { type Client, connect } from '../../src/client/index.ts'
import { type RunningNode, startNode } from '../../src/node/node.ts'
import type { Service } from '../../src/services/service.ts'
import { freePorts } from '../support/free-ports.ts'

const afterMs = 300
/** The most that a timer may be late while a quorum runs: the turns of two servers, and a slow machine. */
const mostLateMs = 5_000

/** When each server saw the timer fire, by its own clock, per name. */
const fired: { readonly name: string; readonly server: number; readonly atMs: number }[] = []

/** A command sets the timer that it names. */
function alarms(server: number): Service<null, string, Json> {
  return {
    name: 'alarms',
    initial: () => null,
    parse: (body) => String(body),
    execute: (state, name) => ({ kind: 'executed', state, result: null, timers: [{ name, afterMs }] }),
    timerFired(state, name) {
      fired.push({ name, server, atMs: performance.now() })
      return { state }
    },
    snapshot: () => [],
    restore: () => null,
  }
}

const running: RunningNode[] = []
let client: Client | null = null

afterEach(async () => {
  await client?.close()
  await Promise.all(running.splice(0).map((node) => node.stop()))
  fired.length = 0
})

async function begin(): Promise<Client> {
  const port = await freePorts(3)
  const members = [0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${port + id}` }))
  const started = members.map(({ id, address }) =>
    startNode({
      ...{ id, listen: address, dataDir: null, bootstrap: { members } },
      service: alarms(id) as Service,
    }),
  )
  running.push(...(await Promise.all(started)))
  client = connect({ servers: members.map(({ address }) => address) })
  return client
}

/** Waits until the timer has fired at `servers` servers. */
async function firedAt(name: string, servers: number): Promise<readonly number[]> {
  const deadline = performance.now() + afterMs + mostLateMs
  for (;;) {
    const times = fired.filter((one) => one.name === name).map(({ atMs }) => atMs)
    if (times.length >= servers) return times
    if (performance.now() > deadline) throw new Error(`${name} fired at ${times.length} servers only`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

test('a timer fires without a request, not early, at every server once', async () => {
  const asking = await begin()
  const sentAtMs = performance.now()
  await asking.request('one')
  const times = await firedAt('one', 1)
  expect(Math.min(...times)).toBeGreaterThanOrEqual(sentAtMs + afterMs)
  await asking.request('two')
  await firedAt('one', 3)
  await firedAt('two', 1)
  expect(
    fired
      .filter(({ name }) => name === 'one')
      .map(({ server }) => server)
      .sort(),
  ).toEqual([0, 1, 2])
})

test('a timer fires when the server that proposed last is gone', async () => {
  const asking = await begin()
  await asking.request('one')
  const [leader] = running.splice(0, 1)
  await leader?.stop()
  const times = await firedAt('one', 2)
  expect(times).toHaveLength(2)
})
