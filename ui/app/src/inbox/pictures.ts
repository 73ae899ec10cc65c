// Pictures in mails that lie on somebody else's server: fetched by the hub when an agent asks, or always for a sender.

import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api } from '../api/client'

const TRUSTED = 'parley.pictures.always'
const MOST = 500
const NONE: ReadonlyMap<string, string> = new Map()

function trusted(): string[] {
  const kept: unknown = JSON.parse(localStorage.getItem(TRUSTED) ?? '[]')
  return Array.isArray(kept) ? kept.map(String) : []
}

/** Keeps on this device that the pictures of a contact are shown at once; the longest unused choice makes place. */
function trust(contact: string) {
  localStorage.setItem(TRUSTED, JSON.stringify([...trusted().filter((x) => x !== contact), contact].slice(-MOST)))
}

/** The pictures at these addresses, none before they are asked for. contact is who sent them, as far as anybody knows. */
export function usePictures(urls: string[], contact: string | null) {
  const [asked, setAsked] = useState(() => contact !== null && trusted().includes(contact))
  const on = asked && urls.length > 0
  const found = useQuery({
    queryKey: ['pictures', urls],
    enabled: on,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: ({ signal }) => fetchAll(urls, signal),
  })
  const got = on ? (found.data ?? NONE) : NONE
  return {
    got,
    off: urls.length > 0 && !asked,
    loading: on && found.isPending,
    missing: on && found.data ? urls.length - got.size : 0,
    show: () => setAsked(true),
    always: () => {
      if (contact) trust(contact)
      setAsked(true)
    },
  }
}

/** What could be had. A picture that is gone takes no other with it. */
async function fetchAll(urls: string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const got = await Promise.all(urls.map(async (url) => [url, await api.picture(url, signal).catch(() => '')] as const))
  return new Map(got.filter(([, data]) => data !== ''))
}
