import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Store } from '../../inspector/model/store.ts'
import { type Connection, keptToken, type Listener, Live } from '../../inspector/source/live.ts'
import { protocolVersion } from '../../src/inspect/records/protocol.ts'
import type { InspectorRecord } from '../../src/inspect/records/record.ts'

/** A page whose hub is a test. */
function livePage(token: string | null = 'secret') {
  const store = new Store({ kind: 'live', state: 'connecting' }, (run) => run())
  const connections: (Connection & { readonly listener: Listener; readonly sent: string[] })[] = []
  const waits: { readonly run: () => void; readonly ms: number }[] = []
  const live = new Live({
    store,
    token,
    later: (run, ms) => waits.push({ run, ms }),
    connect: (listener) => {
      const sent: string[] = []
      const connection = { listener, sent, send: (text: string) => sent.push(text), close: () => undefined }
      connections.push(connection)
      return connection
    },
  })
  const hub = () => {
    const last = connections.at(-1)
    if (last === undefined) throw new Error('the page has not connected')
    return last
  }
  const say = (message: unknown) => hub().listener.received(JSON.stringify(message))
  const welcome = () => {
    hub().listener.opened()
    say({ type: 'hub.welcome', version: protocolVersion, source: { kind: 'live' } })
  }
  return { store, live, connections, waits, hub, say, welcome }
}

const cluster: InspectorRecord = {
  kind: 'cluster',
  cluster: 'c',
  service: 'lock',
  founders: [],
  allowsFaults: true,
}
const up: InspectorRecord = { kind: 'process', node: 0, timeMs: 1, state: 'up', reason: null }

describe('the live page', () => {
  test('shows what comes, and begins anew when it is connected again', () => {
    const { store, hub, say, welcome, waits, connections } = livePage()
    welcome()
    expect(store.view.source).toEqual({ kind: 'live', state: 'open' })
    say({ type: 'hub.records', records: [cluster, up] })
    expect(store.view.end).toBe(2)
    hub().listener.closed()
    expect(store.view.source).toEqual({ kind: 'live', state: 'lost' })
    expect(store.view.end).toBe(2)
    waits.at(-1)?.run()
    expect(connections).toHaveLength(2)
    welcome()
    say({ type: 'hub.records', records: [cluster] })
    expect(store.view.end).toBe(1)
  })

  test('waits longer each time, up to five seconds, and not once it was welcomed', () => {
    const { hub, waits, welcome } = livePage()
    for (let tries = 0; tries < 7; tries += 1) {
      hub().listener.closed()
      waits.at(-1)?.run()
    }
    expect(waits.map(({ ms }) => ms)).toEqual([250, 500, 1_000, 2_000, 4_000, 5_000, 5_000])
    welcome()
    hub().listener.closed()
    expect(waits.at(-1)?.ms).toBe(250)
  })

  test('shows a recording under its name', () => {
    const { store, say } = livePage()
    say({ type: 'hub.welcome', version: protocolVersion, source: { kind: 'recording', name: 'run.ndjson' } })
    expect(store.view.source).toEqual({ kind: 'recording', name: 'run.ndjson' })
  })

  test('has something done, and is told what came of it', async () => {
    const { live, hub, say, welcome } = livePage()
    const command = { type: 'pause', node: 1 } as const
    expect(await live.control(command)).toMatchObject({ ok: false })
    welcome()
    const [first, second] = [live.control(command), live.control(command)]
    expect(hub().sent.map((text) => JSON.parse(text))).toEqual(
      [1, 2].map((id) => ({ type: 'page.control', id, token: 'secret', command })),
    )
    say({ type: 'hub.result', id: 1, result: { ok: true, text: 'paused' } })
    expect(await first).toEqual({ ok: true, text: 'paused' })
    hub().listener.closed()
    expect(await second).toMatchObject({ ok: false, error: expect.stringContaining('connection was lost') })
  })

  test('asks for nothing without a token', async () => {
    const { live, hub, welcome } = livePage(null)
    welcome()
    expect(await live.control({ type: 'crash', node: 0 })).toMatchObject({
      ok: false,
      error: expect.stringContaining('token'),
    })
    expect(hub().sent).toEqual([])
  })

  test('skips and counts what is no record', () => {
    const { store, say, welcome } = livePage()
    welcome()
    const wrong = [null, 7, { kind: 'else' }, { kind: 'server', node: 0, record: { kind: 'step' } }]
    say({ type: 'hub.records', records: [cluster, ...wrong, up] })
    expect({ end: store.view.end, unreadable: store.view.unreadable }).toEqual({ end: 2, unreadable: 4 })
  })

  test('survives all that it is sent', () => {
    const { store, hub, say, welcome } = livePage()
    welcome()
    const kinds = ['cluster', 'server', 'gap', 'process', 'links', 'client', 'verdict']
    const record = fc.record({ kind: fc.constantFrom(...kinds), node: fc.nat(), record: fc.jsonValue() })
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.jsonValue(), record)), fc.string(), (records, text) => {
        hub().listener.received(text)
        say({ type: 'hub.records', records })
        say({ type: 'hub.result', id: 1, result: records })
        expect(store.view.picture.servers).toEqual([])
      }),
    )
  })
})

test('the token stands in the fragment of the address, and is known when another fragment has taken its place', () => {
  const kept = new Map<string, string>()
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  }
  const others = ['', '#', '#token=', '#playground', '#token=a b']
  for (const fragment of others) expect(keptToken(fragment, storage)).toBe(null)
  expect(keptToken('#token=a-b_c1', storage)).toBe('a-b_c1')
  for (const fragment of others) expect(keptToken(fragment, storage)).toBe('a-b_c1')
  // Of the hub that was started later.
  expect(keptToken('#token=d2', storage)).toBe('d2')
  expect(keptToken('#side', storage)).toBe('d2')
})
