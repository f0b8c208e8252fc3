import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { Address, Json } from '../../machines/batch.ts'
import { formatAddress, parseAddress } from '../../src/network/address.ts'

/** What an inquiry is padded to: without a cookie the answer is at most three times as long. */
const inquiryBytes = 4_000

/** How long a server has to come to a status, in milliseconds. */
const statusPatienceMs = 20_000

/** A program that sends plain datagrams and collects what comes back, as `nc -u` does. */
export class Datagrams {
  /** What has come back, in order. */
  readonly heard: string[] = []
  readonly #heardFrom = new Map<Address, string[]>()
  readonly #socket: Socket

  /** Each has an address of its own for as long as it is open: that of `port`, if it is given. */
  static async open(port = 0): Promise<Datagrams> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1024 * 1024 })
    socket.bind(port, '127.0.0.1')
    await once(socket, 'listening')
    return new Datagrams(socket)
  }

  get port(): number {
    return this.#socket.address().port
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (datagram, source) => {
      this.heard.push(datagram.toString())
      this.#answersOf(formatAddress(source)).push(datagram.toString())
    })
  }

  send(to: Address, datagram: string | Uint8Array): Promise<void> {
    const { host, port } = parseAddress(to)
    return new Promise((resolve, reject) => {
      this.#socket.send(datagram, port, host, (error) => (error === null ? resolve() : reject(error)))
    })
  }

  /** The server's answer to `datagram`, which is sent once; throws when none has come after `patienceMs`. */
  async ask(to: Address, datagram: string | Uint8Array, patienceMs = 10_000): Promise<string> {
    const answers = this.#answersOf(to)
    const before = answers.length
    await this.send(to, datagram)
    await until(
      () => answers.length > before,
      patienceMs,
      () => `${to} did not answer ${datagram}`,
    )
    return answers[before] ?? ''
  }

  /** What the server says of itself; it is asked with one datagram, long enough for the answer, and answers with one. */
  async inquire(to: Address): Promise<{ readonly [key: string]: Json }> {
    const question = JSON.stringify({ v: 4, c: '', s: null, m: [{ type: 'inquire' }] })
    const answer = await this.ask(to, question.padEnd(inquiryBytes))
    return JSON.parse(answer).m[0].status
  }

  /** Inquires every 20 ms until `isSo` holds of the answer, which it returns. Throws with the last answer after 20 s. */
  async inquireUntil<Status>(to: Address, isSo: (status: Status) => boolean): Promise<Status> {
    const deadline = performance.now() + statusPatienceMs
    for (;;) {
      const status = (await this.inquire(to)) as unknown as Status
      if (isSo(status)) return status
      if (performance.now() > deadline) throw new Error(`${to} still answers ${JSON.stringify(status)}`)
      await new Promise((next) => setTimeout(next, 20))
    }
  }

  /** The uid of a session that the cluster opens for a client with this name. */
  async openSession(to: Address, cluster: string, name: string): Promise<string> {
    const requests = [{ seq: 1, command: { kind: 'open', ttlMs: 60_000 } }]
    const m = [{ type: 'request', uid: name, ackedBelow: 0, requests }]
    const answer = JSON.parse(await this.ask(to, JSON.stringify({ v: 4, c: cluster, s: null, m })))
    return answer.m[0].answers[0].outcome.result.uid
  }

  close(): Promise<void> {
    return new Promise((closed) => this.#socket.close(closed))
  }

  #answersOf(server: Address): string[] {
    const answers = this.#heardFrom.get(server) ?? []
    this.#heardFrom.set(server, answers)
    return answers
  }
}

/** Waits until `holds`; throws what `complaint` says when it does not after `patienceMs`. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  patienceMs: number,
  complaint: () => string | Promise<string>,
): Promise<void> {
  const deadline = performance.now() + patienceMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`after ${patienceMs} ms: ${await complaint()}`)
    await new Promise((next) => setTimeout(next, 5))
  }
}
