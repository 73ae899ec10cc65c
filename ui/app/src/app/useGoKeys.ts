import { useNavigate } from '@tanstack/react-router'
import { t } from '../i18n'
import { lastView } from './router'
import { useShortcuts } from './useShortcuts'

export function useGoKeys({ openPalette, openHelp }: { openPalette: () => void; openHelp: () => void }) {
  const go = useNavigate()
  useShortcuts([
    { keys: 'ctrl+k', title: t('keys.palette'), run: openPalette, everywhere: true },
    { keys: '/', title: t('keys.search'), run: openPalette },
    { keys: '?', title: t('keys.help'), run: openHelp },
    {
      keys: 'g i',
      title: t('keys.goInbox'),
      run: () => go({ to: '/inbox/$view/{-$conversation}', params: { view: lastView() } }),
    },
    { keys: 'g c', title: t('keys.goCalls'), run: () => go({ to: '/calls' }) },
    { keys: 'g p', title: t('keys.goContacts'), run: () => go({ to: '/contacts/{-$contact}' }) },
    { keys: 'g l', title: t('keys.goLeads'), run: () => go({ to: '/leads' }) },
    { keys: 'g s', title: t('keys.goSettings'), run: () => go({ to: '/settings' }) },
  ])
}
