import { createSocket, type Socket } from 'node:dgram'
import type { LookupOneOptions } from 'node:dns'
import { once } from 'node:events'
import { isIP, isIPv6 } from 'node:net'
import type { Address } from '../../machines/batch.ts'
import { StartError } from '../core/start-error.ts'
import { parseAddress } from './address.ts'
import { type Resolver, systemResolver } from './resolver.ts'

/**
 * The requested buffer size in both directions. With the usual 208 KiB, a server that is busy for half a second loses most
 * of a burst.
 */
export const socketBufferBytes = 4 * 1024 * 1024

/**
 * Binds a UDP socket to `listen`, after one look-up if it contains a name. Throws a `StartError` when another process uses
 * the port, the name has no address, or the address does not belong to this machine.
 */
export async function bindSocket(listen: Address, resolver: Resolver = systemResolver): Promise<Socket> {
  const { kind, host, port } = parseAddress(listen)
  const [ip] = kind === 'name' ? await resolver.resolve(host) : [host]
  if (ip === undefined) throw new StartError(`cannot listen on ${listen}: the name ${host} has no IP address`)
  const socket = createSocket({
    type: isIPv6(ip) ? 'udp6' : 'udp4',
    lookup: takeIp,
    recvBufferSize: socketBufferBytes,
    sendBufferSize: socketBufferBytes,
  })
  // Wait for the event from before the call: with an IP address, the socket listens within the call of bind.
  const listening = once(socket, 'listening')
  socket.bind({ address: ip, port, exclusive: true })
  try {
    await listening
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why =
      code === 'EADDRINUSE'
        ? 'another process has that port; stop it or give another one'
        : code === 'EADDRNOTAVAIL'
          ? 'this machine has no such address'
          : message
    throw new StartError(`cannot listen on ${listen}: ${why}`)
  }
  return socket
}

/**
 * A `lookup` for `createSocket`. Accepts an IP address at once, instead of one turn of the event loop later. A name is an
 * error: the resolver looks names up, since a look-up for each datagram would occupy the threads that storage needs.
 */
export function takeIp(
  host: string,
  _options: LookupOneOptions,
  found: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  const family = isIP(host)
  const error =
    family === 0 ? new Error(`'${host}' is not an IP address: a datagram cannot be sent to a name`) : null
  found(error, host, family)
}
