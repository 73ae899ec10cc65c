// What changes rarely and is needed everywhere: who is here and what they may choose from.

import { QueryClient, useQuery } from '@tanstack/react-query'
import { api } from '../api/client'
import { Problem } from '../api/problem'
import { store } from '../live/live'

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 60_000,
      refetchOnWindowFocus: false,
      retry: (count, e) => count < 2 && !(e instanceof Problem && e.status >= 400 && e.status < 500),
    },
  },
})

export const useUsers = () => useQuery({ queryKey: ['users'], queryFn: async () => (await api.users()).data })
export const useTeams = () => useQuery({ queryKey: ['teams'], queryFn: async () => (await api.teams()).data })
export const usePipelines = () =>
  useQuery({ queryKey: ['pipelines'], queryFn: async () => (await api.pipelines()).data })

export const useChannels = () =>
  useQuery({
    queryKey: ['channels'],
    queryFn: async () => {
      const askedAt = store.asking()
      const { data } = await api.channels()
      store.snapshot('channel', data, askedAt)
      return data
    },
  })

export function useUserName(id: string | null | undefined): string | undefined {
  return useUsers().data?.find((u) => u.id === id)?.name
}

export function useTeamName(id: string | null | undefined): string | undefined {
  return useTeams().data?.find((x) => x.id === id)?.name
}

export function useChannelName(id: string | null | undefined): string | undefined {
  return useChannels().data?.find((x) => x.id === id)?.name
}
