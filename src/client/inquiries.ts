import type { Json } from '../../machines/batch.ts'
import type { ServerIndex } from '../../machines/client-context.ts'
import { doubled } from '../../machines/timing.ts'
import type { ConnectTiming } from './options.ts'

interface Inquiry {
  readonly report: (status: Json) => void
  readonly fail: (reason: unknown) => void
}

/** Requests the status of servers. A report does not name an inquiry: it answers all open inquiries to its server. */
export class Inquiries {
  readonly #timing: ConnectTiming
  readonly #sendInquire: (server: ServerIndex) => void
  readonly #open = new Map<ServerIndex, Set<Inquiry>>()

  constructor(timing: ConnectTiming, sendInquire: (server: ServerIndex) => void) {
    this.#timing = timing
    this.#sendInquire = sendInquire
  }

  /**
   * Resolves to the status that the server reports. Rejects with the error that `silence` makes when no report arrives in
   * time.
   */
  ask(server: ServerIndex, silence: () => Error): Promise<Json> {
    const { askIntervalMs, statusTimeoutMs } = this.#timing
    const open = this.#open.get(server) ?? new Set()
    this.#open.set(server, open)
    return new Promise<Json>((resolve, reject) => {
      let repetition: NodeJS.Timeout | undefined
      const send = (tries: number) => {
        this.#sendInquire(server)
        repetition = setTimeout(() => send(tries + 1), doubled(askIntervalMs, statusTimeoutMs, tries))
      }
      const end = () => {
        open.delete(inquiry)
        clearTimeout(repetition)
        clearTimeout(timeout)
      }
      const inquiry: Inquiry = {
        report: (status) => {
          end()
          resolve(status)
        },
        fail: (reason) => {
          end()
          reject(reason)
        },
      }
      const timeout = setTimeout(() => inquiry.fail(silence()), statusTimeoutMs)
      open.add(inquiry)
      send(0)
    })
  }

  receive(status: Json, server: ServerIndex): void {
    for (const inquiry of [...(this.#open.get(server) ?? [])]) inquiry.report(status)
  }

  fail(reason: unknown): void {
    for (const open of this.#open.values()) for (const inquiry of [...open]) inquiry.fail(reason)
  }
}
