import { useQuery, useQueryClient } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { useEffect } from 'react'
import { api, setCsrfToken, whenSignedOut } from '../api/client'
import { asProblem } from '../api/problem'
import { t } from '../i18n'
import { resumeSending } from '../inbox/send'
import { link, store } from '../live/live'
import { SessionProvider } from '../session/session'
import { OwnerForm } from '../signin/OwnerForm'
import { SetPassword } from '../signin/SetPassword'
import { SignIn } from '../signin/SignIn'
import { Failed } from '../ui/states'
import { keepFresh } from './freshness'
import { router } from './router'

/** Who is there? Nobody yet: make the owner. Nobody known: sign in. Else the app, at the address that was asked for. */
export function Gate() {
  const client = useQueryClient()
  const session = useQuery({ queryKey: ['session'], queryFn: whoAmI, staleTime: Number.POSITIVE_INFINITY })
  const me = session.data?.session?.user

  useEffect(() => {
    whenSignedOut(() => client.setQueryData(['session'], { session: null, setup: false }))
  }, [client])

  useEffect(() => {
    if (!me?.id) return
    const stopFreshness = keepFresh(client, store)
    link.start()
    resumeSending()
    return () => {
      link.stop()
      stopFreshness()
    }
  }, [me?.id, client])

  if (session.isError) return <Failed error={session.error} what={t('gate.failed')} retry={() => session.refetch()} />
  if (!session.data) return null
  if (location.pathname === '/set-password') return <SetPassword onDone={() => session.refetch()} />
  if (session.data.setup) return <OwnerForm onDone={() => session.refetch()} />
  if (!me) return <SignIn onDone={() => session.refetch()} />
  return (
    <SessionProvider me={me}>
      <RouterProvider router={router} />
    </SessionProvider>
  )
}

async function whoAmI() {
  try {
    const session = await api.session()
    setCsrfToken(session.csrf_token)
    return { session, setup: false }
  } catch (e) {
    if (asProblem(e).status !== 401) throw e
    return { session: null, setup: (await api.setupNeeded()).needed }
  }
}
