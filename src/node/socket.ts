import { createSocket, type Socket } from 'node:dgram'
import { type LookupOneOptions, lookup } from 'node:dns'
import { once } from 'node:events'
import { isIP, isIPv6 } from 'node:net'
import type { Address } from '../../machines/batch.ts'
import { parseAddress } from '../address.ts'
import { StartError } from './errors.ts'

/**
 * Bytes asked for in both directions. With the usual 208 KiB a server that is busy for half a second loses most of a burst.
 */
export const socketBufferBytes = 4 * 1024 * 1024

/** A UDP socket bound to `listen`. Throws a `StartError` when the port is taken or the address is not of this machine. */
export async function bindSocket(listen: Address): Promise<Socket> {
  const { host, port } = parseAddress(listen)
  const socket = createSocket({
    type: isIPv6(host) ? 'udp6' : 'udp4',
    lookup: lookupAddress,
    recvBufferSize: socketBufferBytes,
    sendBufferSize: socketBufferBytes,
  })
  // Asked before it is bound: with an address in digits it listens within the call.
  const listening = once(socket, 'listening')
  socket.bind({ address: host, port, exclusive: true })
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

/** An address in digits is taken as it is, at once, instead of a turn of the event loop later. */
function lookupAddress(
  host: string,
  options: LookupOneOptions,
  found: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  const family = isIP(host)
  if (family === 0) lookup(host, options, found)
  else found(null, host, family)
}
