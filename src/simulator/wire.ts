/** Simulated runs whose messages travel through the codec of live servers. The codec needs Node.js, so it is not part of the page. */
import { Decoder, encodeEnvelope } from '../wire/codec.ts'
import { type SimulatedDatagram, simulatedCluster } from './datagram.ts'
import type { Wire } from './network.ts'
import type { Plan } from './plan.ts'
import { type RunOptions, runPlan } from './run.ts'
import type { RunReport } from './run-report.ts'

/**
 * The codec, with datagrams of at most `datagramBytes`. Every simulated process must be able to decode the datagrams of the others, so
 * a datagram that the decoder drops throws an `Error`.
 */
export function codecWire(datagramBytes: number, nowMs: () => number): Wire {
  let lastPieceId = 0n
  const nextPieceId = () => {
    lastPieceId += 1n
    return lastPieceId
  }
  return {
    pack(datagram) {
      const { sender, names, message } = datagram as SimulatedDatagram
      const outgoing = { cluster: simulatedCluster, sender, names, messages: [message] }
      return encodeEnvelope(outgoing, datagramBytes, { nextPieceId })
    },
    open() {
      const decoder = new Decoder({ cluster: simulatedCluster, nowMs })
      return (bytes, from) => {
        const decoded = decoder.decode(bytes, from)
        switch (decoded.kind) {
          case 'envelope':
            return decoded.messages.map((message) => {
              const { sender, names } = decoded
              return names === null ? { sender, message } : { sender, names, message }
            })
          case 'incomplete':
            return []
          case 'dropped':
            throw new Error(`a datagram from ${from} was dropped: ${decoded.reason}, ${decoded.detail}`)
          case 'plainText':
            throw new Error(`a datagram from ${from} was decoded as plain text`)
        }
        decoded satisfies never
      }
    },
  }
}

/** Runs a plan as `runPlan` does, and uses the codec when the plan has `datagramBytes`. */
export function runWithCodec(plan: Plan, options: Omit<RunOptions, 'wire'> = {}): RunReport {
  return runPlan(plan, { ...options, wire: codecWire })
}
