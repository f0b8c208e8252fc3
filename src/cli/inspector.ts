import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FaultsControl, FaultsControlOptions } from '../inspect/hub/faults-control.ts'
import type { Hub, HubOptions } from '../inspect/hub/hub.ts'
import type { Refusal } from '../inspect/records/protocol.ts'
import { Failure } from './exit-codes.ts'
import { complain } from './output.ts'

/** A hub that serves the page, with what carries out what pages ask for. */
export class Inspector {
  readonly hub: Hub
  readonly #faults: FaultsControl | null

  private constructor(hub: Hub, faults: FaultsControl | null) {
    this.hub = hub
    this.#faults = faults
  }

  /** `faults` is `null` where pages may ask for nothing. Throws a `Failure` when it cannot listen. */
  static async begin(
    options: Pick<HubOptions, 'port' | 'recording' | 'writer'>,
    faults: Pick<FaultsControlOptions, 'processes'> | null,
  ): Promise<Inspector> {
    const [{ Hub }, { FaultsControl }] = await Promise.all([
      import('../inspect/hub/hub.ts'),
      import('../inspect/hub/faults-control.ts'),
    ])
    const control =
      faults === null
        ? null
        : new FaultsControl({
            servers: () => hub.servers,
            processes: faults.processes,
            add: (records) => {
              for (const record of records) hub.show(record)
            },
            rulesChanged: (rules) => hub.showRules(rules),
          })
    const refusals = new RefusalLines()
    const hub: Hub = await Hub.listen({
      ...options,
      pageFolder: pageFolder(),
      onRefused: (refusal) => refusals.add(refusal),
      ...(control !== null && {
        control: (command, left) => control.control(command, left),
        onServers: (servers) => control.serversChanged(servers),
        onResult: (id, result) => control.heard(id, result),
      }),
    }).catch((error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? 'another process has that port; stop it or give another one'
          : error.message
      throw new Failure(`the inspector cannot listen on 127.0.0.1:${options.port}: ${why}`)
    })
    return new Inspector(hub, control)
  }

  async close(): Promise<void> {
    await this.#faults?.close()
    await this.hub.close()
  }
}

/** A server that is refused is told of once in so long, in milliseconds. */
const refusalEveryMs = 60_000
const mostRefusalLines = 100

/** The servers that are refused, in the log: a line each, once a minute at most. */
class RefusalLines {
  readonly #saidMs = new Map<string, number>()

  add({ key, cluster, node, address, reason, count, timeMs }: Refusal): void {
    const server = `${key} ${node}`
    const before = this.#saidMs.get(server)
    if (before !== undefined && timeMs - before < refusalEveryMs) return
    this.#saidMs.delete(server)
    this.#saidMs.set(server, timeMs)
    const [oldest] = this.#saidMs.keys()
    if (this.#saidMs.size > mostRefusalLines && oldest !== undefined) this.#saidMs.delete(oldest)
    const times = count === 1 ? '' : `, ${count} times so far`
    complain(
      `the inspector refused server ${node} of cluster ${escaped(cluster)} at ${escaped(address)}${times}: ${escaped(reason)}`,
    )
  }
}

/** Somebody else chose these words: no control character of them may reach a terminal. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

/** What is printed where the page can be looked at. */
export function inspectorLine(hub: Pick<Hub, 'url'>): string {
  return `inspector on ${hub.url}`
}

/** Where the page was built to: beside what was compiled. */
function pageFolder(): string {
  const folders = ['../../inspector', '../../dist/inspector'].map((folder) =>
    fileURLToPath(new URL(folder, import.meta.url)),
  )
  const [compiled = ''] = folders
  return folders.find((folder) => existsSync(`${folder}/index.html`)) ?? compiled
}
