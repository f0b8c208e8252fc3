import { createSocket, type Socket } from 'node:dgram'
import type { LookupOneOptions } from 'node:dns'
import { once } from 'node:events'
import { isIP, isIPv6 } from 'node:net'
import type { Address } from '../../machines/batch.ts'
import { StartError } from '../core/start-error.ts'
import { parseAddress } from './address.ts'
import { type Resolver, systemResolver } from './resolver.ts'

/**
 * Bytes asked for in both directions. With the usual 208 KiB a server that is busy for half a second loses most of a burst.
 */
export const socketBufferBytes = 4 * 1024 * 1024

/**
 * A UDP socket bound to `listen`, whose name is looked up once if it is one. Throws a `StartError` when the port is taken, the
 * name has no address, or the address is not of this machine.
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
  // Asked before it is bound: with an address in digits it listens within the call.
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
 * For `createSocket`: an IP address is taken as it is, at once, instead of a turn of the event loop later. A name is an error:
 * names are looked up elsewhere, since a look-up for each datagram would take the threads that storage needs.
 */
export function takeIp(
  host: string,
  _options: LookupOneOptions,
  found: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  const family = isIP(host)
  const error = family === 0 ? new Error(`'${host}' is no IP address: no datagram is sent to a name`) : null
  found(error, host, family)
}
