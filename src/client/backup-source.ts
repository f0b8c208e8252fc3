/** Receives the replicated state of a cluster from one of its servers. */
import type { Address, Instance } from '../../machines/batch.ts'
import type { ServerIndex } from '../../machines/client-context.ts'
import { chunkBytes, chunksAtOnce } from '../../machines/fetching.ts'
import type { NoBackup, Offer, Part } from '../../machines/messages.ts'
import { sameSnapshot } from '../../machines/snapshot-name.ts'
import { bytesOfBase64, joined } from '../core/bytes.ts'
import { messageOf } from '../core/message-of.ts'
import { Directory } from './directory.ts'
import { PaxosError, ServerSilent } from './errors.ts'
import { Link } from './link.ts'

/** The time between two questions for one thing, in milliseconds. */
const askEveryMs = 100

/** How long a server may be silent before the next one is asked, in milliseconds. */
const silenceMs = 3_000

/** How often one server may delete what it offered, before the next one is asked. */
const mostBeginnings = 5

/** Receives a backup. It may begin anew, when the server that sent it is gone. */
export interface BackupSink {
  begin(offer: Offer): Promise<void>
  write(bytes: Uint8Array): Promise<void>
}

/** No server sent a backup. */
export class NoBackupSent extends PaxosError {
  override readonly name = 'NoBackupSent'
}

/**
 * Receives the state of one of `servers`, which contains everything below `least`. Asks them in turn. Throws `NoBackupSent` with the
 * reasons when none sends one. The caller compares the bytes with the digest of the offer.
 */
export async function receiveBackup(
  servers: readonly Address[],
  least: Instance,
  sink: BackupSink,
): Promise<Offer> {
  const source = new BackupSource(servers)
  const reasons: string[] = []
  try {
    for (const [server, address] of servers.entries()) {
      try {
        return await source.receive(server, least, sink)
      } catch (error) {
        if (!(error instanceof ServerSilent || error instanceof NoBackupSent)) throw error
        reasons.push(`${address}: ${messageOf(error)}`)
      }
    }
  } finally {
    await source.close()
  }
  throw new NoBackupSent(`no server sent a backup: ${reasons.join('; ')}`)
}

type Answer = Offer | Part | NoBackup

class BackupSource {
  readonly #servers: readonly Address[]
  readonly #link: Link
  #heard: (message: Answer) => void = () => undefined
  #asked: ServerIndex = 0

  constructor(servers: readonly Address[]) {
    this.#servers = servers
    this.#link = new Link(new Directory(servers), (message, { server }) => {
      // A nonce shows that it answers a question to that server.
      const isAnswer = message.type === 'offer' || message.type === 'part' || message.type === 'noBackup'
      if (isAnswer && server === this.#asked) this.#heard(message)
    })
    this.#link.hold()
  }

  async receive(server: ServerIndex, least: Instance, sink: BackupSink): Promise<Offer> {
    this.#asked = server
    for (let beginnings = 0; beginnings < mostBeginnings; beginnings += 1) {
      const offer = await this.#offer(server, least)
      await sink.begin(offer)
      if (await this.#parts(server, least, offer, sink)) return offer
    }
    throw new NoBackupSent('it deleted each snapshot before it was received')
  }

  close(): Promise<void> {
    return this.#link.close()
  }

  async #offer(server: ServerIndex, least: Instance): Promise<Offer> {
    for (;;) {
      const answer = await this.#ask(
        () => this.#link.say(server, { type: 'backup', least }),
        (message) => (message.type === 'part' ? null : message),
      )
      if (answer.type === 'offer') return answer
      switch (answer.reason) {
        case 'behind':
          throw new NoBackupSent('it has not executed everything that was answered before')
        case 'nothing':
          throw new NoBackupSent('nothing was chosen yet: there is nothing to back up')
        case 'drawing':
        case 'gone':
          await new Promise((resolve) => setTimeout(resolve, askEveryMs))
          continue
      }
      answer.reason satisfies never
    }
  }

  /** Returns false when the server has deleted the snapshot. */
  async #parts(server: ServerIndex, least: Instance, offer: Offer, sink: BackupSink): Promise<boolean> {
    const { snapshot, lengthBytes } = offer
    for (let offsetBytes = 0; offsetBytes < lengthBytes; ) {
      const wantedBytes = Math.min(chunkBytes * chunksAtOnce, lengthBytes - offsetBytes)
      const part = { snapshot, offsetBytes }
      const received = new Map<number, Uint8Array>()
      const bytes = await this.#ask<Uint8Array | 'gone'>(
        () => this.#link.say(server, { type: 'backup', least, part }),
        (message) => {
          if (message.type === 'noBackup') return message.reason === 'gone' ? 'gone' : null
          if (message.type === 'offer' || !sameSnapshot(message.snapshot, snapshot)) return null
          received.set(message.offsetBytes, bytesOfBase64(message.bytes))
          return wholeOf(received, offsetBytes, wantedBytes)
        },
      )
      if (bytes === 'gone') return false
      await sink.write(bytes)
      offsetBytes += bytes.length
    }
    return true
  }

  /** Asks until `answerIn` finds the answer in a message. Throws `ServerSilent` when the server sends nothing for a while. */
  #ask<T>(ask: () => void, answerIn: (message: Answer) => T | null): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const end = () => {
        clearInterval(repetition)
        clearTimeout(patience)
        this.#heard = () => undefined
      }
      const repetition = setInterval(ask, askEveryMs)
      const patience = setTimeout(() => {
        end()
        reject(new ServerSilent(this.#servers[this.#asked] ?? '', silenceMs))
      }, silenceMs)
      this.#heard = (message) => {
        patience.refresh()
        const answer = answerIn(message)
        if (answer === null) return
        end()
        resolve(answer)
      }
      ask()
    })
  }
}

/** The bytes from `offsetBytes` on, when all are there; otherwise `null`. */
function wholeOf(
  received: ReadonlyMap<number, Uint8Array>,
  offsetBytes: number,
  wantedBytes: number,
): Uint8Array | null {
  const parts: Uint8Array[] = []
  let bytes = 0
  while (bytes < wantedBytes) {
    const part = received.get(offsetBytes + bytes)
    if (part === undefined || part.length === 0) return null
    parts.push(part)
    bytes += part.length
  }
  return bytes === wantedBytes ? joined(parts) : null
}
