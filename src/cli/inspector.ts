import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FaultsControl, FaultsControlOptions } from '../inspect/hub/faults-control.ts'
import type { Hub, HubOptions } from '../inspect/hub/hub.ts'
import { Failure } from './exit-codes.ts'

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
    const hub: Hub = await Hub.listen({
      ...options,
      pageFolder: pageFolder(),
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
