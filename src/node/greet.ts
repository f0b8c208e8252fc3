import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Address } from '../../machines/batch.ts'
import type { Member } from '../../machines/members.ts'
import type { Invitation, Message, Welcome } from '../../machines/messages.ts'
import { formatAddress, parseAddress } from '../address.ts'
import { StartError } from './errors.ts'
import { Decoder, encodeEnvelope } from './wire/codec.ts'

const retryMs = 200

/** Asks the server at `address` who it is. Throws a `StartError` when it has not answered after `patienceMs`. */
export function greet(address: Address, patienceMs: number): Promise<Welcome> {
  return ask(address, '', { type: 'hello' }, patienceMs, (message) =>
    message.type === 'welcome' ? message : null,
  )
}

/**
 * Asks the server that said `welcome` for the founders of its cluster, in the name of the directory `incarnation`. Throws a
 * `StartError` when it has not answered after `patienceMs`.
 */
export async function askFounders(
  address: Address,
  { cluster }: Welcome,
  incarnation: string,
  patienceMs: number,
): Promise<readonly Member[]> {
  const isAnswer = (message: Message): message is Invitation =>
    message.type === 'invitation' && message.to === incarnation
  const question = { type: 'join', incarnation } as const
  const invitation = await ask(address, cluster, question, patienceMs, (message) =>
    isAnswer(message) ? message : null,
  )
  return invitation.founders
}

/** Asks until `answerIn` finds the answer in a message. */
function ask<A extends Message>(
  address: Address,
  cluster: string,
  question: Message,
  patienceMs: number,
  answerIn: (message: Message) => A | null,
): Promise<A> {
  const { host, port } = parseAddress(address)
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  const decoder = new Decoder({ cluster: null, nowMs: () => performance.now() })
  const datagrams = encodeEnvelope({ cluster, sender: null, messages: [question] })
  return new Promise<A>((resolve, reject) => {
    const say = () => {
      for (const datagram of datagrams) socket.send(datagram, port, host, () => undefined)
    }
    const retry = setInterval(say, retryMs)
    const patience = setTimeout(() => {
      end()
      reject(new StartError(`--join ${address}: no server answered there within ${patienceMs / 1000} s`))
    }, patienceMs)
    const end = () => {
      clearInterval(retry)
      clearTimeout(patience)
      socket.close()
    }
    socket.on('error', () => undefined)
    socket.on('message', (datagram, source) => {
      const decoded = decoder.decode(datagram, formatAddress(source))
      if (decoded.kind !== 'envelope') return
      for (const message of decoded.messages) {
        const answer = answerIn(message)
        if (answer === null) continue
        end()
        resolve(answer)
        return
      }
    })
    say()
  })
}
