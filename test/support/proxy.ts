import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { drawRandom } from '../../machines/random.ts'
import { formatAddress, parseAddress } from '../../src/network/address.ts'

/** What a disturbed proxy does to a datagram. */
const loss = 0.2
const duplication = 0.1
const maxDelayMs = 20

/** Sources that are served at once; the one that was silent for longest makes room for a new one. */
const maxSources = 512

/** Datagrams that are under way at once; what comes beyond is lost, as in a full router. */
const maxUnderWay = 10_000

const bufferBytes = 4 * 1024 * 1024

/**
 * A stretch of bad network before one server: a sender that wants to reach the server sends to the proxy's address. Each source
 * has a socket of its own on the server's side, so that the server's answers find their way back.
 */
export class BadNetwork {
  /** Where it listens. */
  readonly address: string
  isDisturbed = false
  /** Is shown each datagram that the proxy carries, and whom it is from or for beside the server. */
  tap: ((datagram: Buffer, other: { readonly address: string; readonly port: number }) => void) | null = null
  /** The datagrams from or for the server that never arrive. */
  isLost: (datagram: Buffer) => boolean = () => false
  readonly #server: { readonly host: string; readonly port: number }
  readonly #front: Socket
  #seed: number
  /** In the order in which they were last heard from. */
  readonly #sources = new Map<string, Socket>()
  readonly #underWay = new Set<NodeJS.Timeout>()
  #isOpen = true

  /** A proxy on a free port of 127.0.0.1, before the server at `server`. */
  static async start(server: string, seed: number): Promise<BadNetwork> {
    const front = createSocket({ type: 'udp4', recvBufferSize: bufferBytes, sendBufferSize: bufferBytes })
    front.bind(0, '127.0.0.1')
    await once(front, 'listening')
    return new BadNetwork(front, server, seed)
  }

  private constructor(front: Socket, server: string, seed: number) {
    this.#front = front
    this.address = formatAddress(front.address())
    this.#server = parseAddress(server)
    this.#seed = seed
    front.on('message', (datagram, { address, port }) => {
      this.tap?.(datagram, { address, port })
      const source = this.#sourceAt(address, port)
      this.#carry(datagram, () => source.send(datagram, this.#server.port, this.#server.host, ignore))
    })
  }

  /** Sends in the name of the server: a client cannot tell it from what the server sends. */
  forge(datagram: Uint8Array, port: number, address: string): void {
    if (this.#isOpen) this.#front.send(datagram, port, address, ignore)
  }

  /** Loses what is under way and closes every socket. */
  async close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    for (const timer of this.#underWay) clearTimeout(timer)
    const sockets = [this.#front, ...this.#sources.values()]
    this.#sources.clear()
    await Promise.all(sockets.map((socket) => new Promise<void>((closed) => socket.close(closed))))
  }

  /** The socket that stands for a source before the server. */
  #sourceAt(address: string, port: number): Socket {
    const name = `${address}:${port}`
    const known = this.#sources.get(name)
    this.#sources.delete(name)
    const source = known ?? this.#newSource(address, port)
    this.#sources.set(name, source)
    if (this.#sources.size > maxSources) {
      const [oldest = ''] = this.#sources.keys()
      this.#sources.get(oldest)?.close()
      this.#sources.delete(oldest)
    }
    return source
  }

  #newSource(address: string, port: number): Socket {
    const source = createSocket({ type: 'udp4', recvBufferSize: bufferBytes, sendBufferSize: bufferBytes })
    source.on('message', (datagram) => {
      this.tap?.(datagram, { address, port })
      this.#carry(datagram, () => this.#front.send(datagram, port, address, ignore))
    })
    source.bind(0, '127.0.0.1')
    return source
  }

  /** Sends a datagram on: never, once or twice, at once or later. */
  #carry(datagram: Buffer, send: () => void): void {
    if (this.isLost(datagram)) return
    if (!this.isDisturbed) {
      this.#sendOn(send)
      return
    }
    if (this.#random() < loss) return
    const copies = this.#random() < duplication ? 2 : 1
    for (let copy = 0; copy < copies && this.#underWay.size < maxUnderWay; copy += 1) {
      const timer = setTimeout(() => {
        this.#underWay.delete(timer)
        this.#sendOn(send)
      }, this.#random() * maxDelayMs)
      this.#underWay.add(timer)
    }
  }

  /** At least 0 and below 1; the same numbers for the same seed. */
  #random(): number {
    const { seed, value } = drawRandom(this.#seed)
    this.#seed = seed
    return value
  }

  #sendOn(send: () => void): void {
    try {
      if (this.#isOpen) send()
    } catch {
      // The source had to make room while its datagram was under way: the datagram is lost.
    }
  }
}

/** An error of sending is loss. */
function ignore(): void {}
