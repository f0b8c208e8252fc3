import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FaultsControl, FaultsControlOptions } from '../inspect/hub/faults-control.ts'
import type { Hub, HubOptions } from '../inspect/hub/hub.ts'
import type { Refusal } from '../inspect/records/protocol.ts'
import { Failure } from './exit-codes.ts'
import { complain } from './output.ts'

/** A hub that serves the page, with the control that executes the commands of pages. */
export class Inspector {
  readonly hub: Hub
  readonly #faults: FaultsControl | null

  private constructor(hub: Hub, faults: FaultsControl | null) {
    this.hub = hub
    this.#faults = faults
  }

  /** `faults` is `null` when pages may not send commands. Throws a `Failure` when the hub cannot listen. */
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

/** The shortest time between two lines about the same refused server, in milliseconds. */
const refusalEveryMs = 60_000
const mostRefusalLines = 100

/** Logs refused servers: at most one line a minute for each. */
class RefusalLines {
  readonly #loggedMs = new Map<string, number>()

  add({ key, cluster, node, address, reason, count, timeMs }: Refusal): void {
    const server = `${key} ${node}`
    const before = this.#loggedMs.get(server)
    if (before !== undefined && timeMs - before < refusalEveryMs) return
    this.#loggedMs.delete(server)
    this.#loggedMs.set(server, timeMs)
    const [oldest] = this.#loggedMs.keys()
    if (this.#loggedMs.size > mostRefusalLines && oldest !== undefined) this.#loggedMs.delete(oldest)
    const times = count === 1 ? '' : `, ${count} times so far`
    complain(
      `the inspector refused server ${node} of cluster ${escaped(cluster)} at ${escaped(address)}${times}: ${escaped(reason)}`,
    )
  }
}

/** The text is untrusted: its control characters must not reach a terminal. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

/** The line with the address of the page. */
export function inspectorLine(hub: Pick<Hub, 'url'>): string {
  return `inspector on ${hub.url}`
}

/** The folder of the built page: beside the bundle, beside the compiled modules, or in `dist/` when this is the source. */
function pageFolder(): string {
  const folders = ['../inspector', '../../inspector', '../../dist/inspector'].map((folder) =>
    fileURLToPath(new URL(folder, import.meta.url)),
  )
  const [compiled = ''] = folders
  return folders.find((folder) => existsSync(`${folder}/index.html`)) ?? compiled
}
