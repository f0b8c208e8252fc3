import type { Json } from '../../machines/batch.ts'
import type { ServerIndex } from '../../machines/client.ts'
import { doubled } from '../../machines/timing.ts'
import type { ConnectTiming } from './options.ts'

interface Inquiry {
  readonly report: (status: Json) => void
  readonly fail: (reason: unknown) => void
}

/** Asks servers how they are. A report names no question: it answers all that the server was asked. */
export class Inquiries {
  readonly #timing: ConnectTiming
  readonly #sayInquire: (server: ServerIndex) => void
  readonly #open = new Map<ServerIndex, Set<Inquiry>>()

  constructor(timing: ConnectTiming, sayInquire: (server: ServerIndex) => void) {
    this.#timing = timing
    this.#sayInquire = sayInquire
  }

  /** What the server says of itself; rejects with what `silence` makes when it says nothing in time. */
  ask(server: ServerIndex, silence: () => Error): Promise<Json> {
    const { askIntervalMs, statusTimeoutMs } = this.#timing
    const open = this.#open.get(server) ?? new Set()
    this.#open.set(server, open)
    return new Promise<Json>((resolve, reject) => {
      let repetition: NodeJS.Timeout | undefined
      const say = (tries: number) => {
        this.#sayInquire(server)
        repetition = setTimeout(() => say(tries + 1), doubled(askIntervalMs, statusTimeoutMs, tries))
      }
      const end = () => {
        open.delete(inquiry)
        clearTimeout(repetition)
        clearTimeout(patience)
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
      const patience = setTimeout(() => inquiry.fail(silence()), statusTimeoutMs)
      open.add(inquiry)
      say(0)
    })
  }

  hear(status: Json, server: ServerIndex): void {
    for (const inquiry of [...(this.#open.get(server) ?? [])]) inquiry.report(status)
  }

  fail(reason: unknown): void {
    for (const open of this.#open.values()) for (const inquiry of [...open]) inquiry.fail(reason)
  }
}
