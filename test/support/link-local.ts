import { networkInterfaces } from 'node:os'

/** An IPv6 address of a link of this machine, with its interface as the zone; `null` where it has none. */
export function linkLocalAddress(): string | null {
  for (const [name, infos = []] of Object.entries(networkInterfaces())) {
    const info = infos.find(({ family, address }) => family === 'IPv6' && address.startsWith('fe80:'))
    if (info !== undefined) return `${info.address}%${name}`
  }
  return null
}
