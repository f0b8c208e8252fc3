import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Address } from '../../machines/batch.ts'
import type { Welcome } from '../../machines/messages.ts'
import { formatAddress, parseAddress } from '../address.ts'
import { StartError } from './errors.ts'
import { Decoder, encodeEnvelope } from './wire/codec.ts'

const retryMs = 200

/** Asks the server at `address` who it is. Throws a `StartError` when it has not answered after `patienceMs`. */
export function greet(address: Address, patienceMs: number): Promise<Welcome> {
  const { host, port } = parseAddress(address)
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  const decoder = new Decoder({ cluster: null, nowMs: () => performance.now() })
  const [hello] = encodeEnvelope({ cluster: '', sender: null, messages: [{ type: 'hello' }] })
  return new Promise<Welcome>((resolve, reject) => {
    const say = () => hello && socket.send(hello, port, host, () => undefined)
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
      const welcome =
        decoded.kind === 'envelope'
          ? decoded.messages.find((message) => message.type === 'welcome')
          : undefined
      if (welcome === undefined) return
      end()
      resolve(welcome)
    })
    say()
  })
}
