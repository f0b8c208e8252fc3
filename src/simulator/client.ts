import type { Address, Command } from '../../machines/batch.ts'
import { type ClientEmitted, type ClientTiming, clientMachine } from '../../machines/client.ts'
import type { Outcome } from '../../machines/outcome.ts'
import { SimulatedActor } from './actor.ts'
import type { SimulatedNetwork } from './network.ts'
import type { SimulatedDatagram } from './node.ts'
import type { Timeline } from './timeline.ts'

/** A simulated client: one session, any number of requests at once, each carried by a client machine. */
export class SimulatedClient {
  readonly uid: string
  readonly #servers: readonly Address[]
  readonly #network: SimulatedNetwork
  readonly #timeline: Timeline
  readonly #timing: ClientTiming
  readonly #outstanding = new Map<number, (message: unknown, from: Address) => void>()
  #nextSeq = 0

  constructor(options: {
    readonly uid: string
    readonly servers: readonly Address[]
    readonly network: SimulatedNetwork
    readonly timeline: Timeline
    readonly timing: ClientTiming
  }) {
    this.uid = options.uid
    this.#servers = options.servers
    this.#network = options.network
    this.#timeline = options.timeline
    this.#timing = options.timing
    this.#network.listen(this.uid, (datagram, from) => {
      const { message } = datagram as SimulatedDatagram
      if ('seq' in message) this.#outstanding.get(message.seq)?.(message, from)
    })
  }

  /** Asks `server` first (an index in the list of servers), and the others when it is silent. */
  request(command: Command, server = 0): Promise<Outcome> {
    const seq = this.#nextSeq
    this.#nextSeq += 1
    const ackedBelow = Math.min(seq, ...this.#outstanding.keys())
    return new Promise((resolve) => {
      const actor = new SimulatedActor<ClientEmitted>(
        clientMachine,
        { timing: this.#timing, randomSeed: seq },
        this.#timeline,
        (output) => {
          if (output.type === 'send') {
            const to = this.#servers[output.to]
            if (to !== undefined) this.#network.send(this.uid, to, { sender: null, message: output.message })
          } else if (output.type === 'answer') {
            this.#outstanding.delete(seq)
            resolve(output.outcome)
          }
        },
      )
      this.#outstanding.set(seq, (message, from) =>
        actor.send({ ...(message as { type: string }), server: this.#servers.indexOf(from) } as {
          type: string
        }),
      )
      actor.send({
        type: 'request.submitted',
        request: { uid: this.uid, seq, ackedBelow, command },
        server,
        servers: this.#servers.length,
      } as { type: string })
    })
  }
}
