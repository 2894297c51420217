//! Filters of system calls: what a confined thread may ask of the kernel, and what no thread of casebook may.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter,
};

/// What a thread that works on files and prints may call. All else is as if the kernel did not have it (`ENOSYS`), which is
/// what the C library and Rust's expect of a call that is missing. So is `clone3`, whose flags no filter can read: the C
/// library makes threads by `clone` then.
const WORK: &[i64] = &[
    // Files that are open, and files by their names.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_preadv,
    libc::SYS_pwritev,
    libc::SYS_preadv2,
    libc::SYS_pwritev2,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_lseek,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_fcntl,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_pipe2,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_syncfs,
    libc::SYS_sync_file_range,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_flock,
    libc::SYS_fadvise64,
    libc::SYS_readahead,
    libc::SYS_copy_file_range,
    libc::SYS_sendfile,
    libc::SYS_splice,
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_utimensat,
    libc::SYS_umask,
    libc::SYS_getxattr,
    libc::SYS_lgetxattr,
    libc::SYS_fgetxattr,
    libc::SYS_listxattr,
    libc::SYS_flistxattr,
    // Waiting.
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    // A pair of sockets connects to nobody else; the prompt hears by one that its window changed.
    libc::SYS_socketpair,
    libc::SYS_recvfrom,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_restart_syscall,
    // Memory.
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_msync,
    libc::SYS_mincore,
    libc::SYS_brk,
    libc::SYS_membarrier,
    // Threads, and signals to this process.
    libc::SYS_futex,
    libc::SYS_futex_waitv,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_rseq,
    libc::SYS_set_tid_address,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_tgkill,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sigaltstack,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_setscheduler,
    libc::SYS_getpriority,
    libc::SYS_setpriority,
    libc::SYS_getcpu,
    // Who and where this is, and what it costs.
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getresuid,
    libc::SYS_getresgid,
    libc::SYS_getgroups,
    libc::SYS_getpgid,
    libc::SYS_getsid,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getrusage,
    libc::SYS_times,
    libc::SYS_prlimit64,
    libc::SYS_getrandom,
    // What only takes rights away.
    libc::SYS_prctl,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_capget,
    libc::SYS_capset,
    libc::SYS_seccomp,
    libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_add_rule,
    libc::SYS_landlock_restrict_self,
];

/// The same by older names, which other machines do not have.
#[cfg(target_arch = "x86_64")]
const WORK_BY_OLD_NAMES: &[i64] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_getdents,
    libc::SYS_mkdir,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_link,
    libc::SYS_chmod,
    libc::SYS_dup2,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_eventfd,
    libc::SYS_getpgrp,
    libc::SYS_time,
    libc::SYS_arch_prctl,
];
#[cfg(not(target_arch = "x86_64"))]
const WORK_BY_OLD_NAMES: &[i64] = &[];

/// What a thread may call besides that connects somewhere.
const NETWORK: &[i64] = &[
    libc::SYS_connect,
    libc::SYS_bind, // the resolver binds its netlink socket
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
    libc::SYS_shutdown,
];
/// Families of sockets that a thread may open that connects somewhere: those of the target, and those that the C library's
/// resolver asks by (`nscd` and `systemd-resolved`, the addresses of this host).
const FAMILIES: &[libc::c_int] = &[libc::AF_INET, libc::AF_INET6, libc::AF_UNIX, libc::AF_NETLINK];

/// New namespaces, in the flags of `clone`.
const NAMESPACES: libc::c_int = libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET;
/// `ioctl` requests that type at a terminal (`TIOCSTI`, `TIOCLINUX`).
const TYPING: &[u64] = &[0x5412, 0x541c];

/// What no thread of casebook does, probes included: start programs, change what is mounted, trace others, load code into
/// the kernel, set clocks and names.
const NEVER: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];
/// The same calls that start programs and trace in the numbering of x32, which shares the machine's number with x86_64.
#[cfg(target_arch = "x86_64")]
const NEVER_BY_X32: &[i64] = &[0x4000_0000 + 520, 0x4000_0000 + 545, 0x4000_0000 + 521];
#[cfg(not(target_arch = "x86_64"))]
const NEVER_BY_X32: &[i64] = &[];

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Refuses [`NEVER`] to the calling thread and those that it starts (`EPERM`).
pub(super) fn forbid_programs() -> Result<(), String> {
    let rules: Rules = NEVER.iter().chain(NEVER_BY_X32).map(|call| (*call, Vec::new())).collect();
    apply(rules, SeccompAction::Allow, SeccompAction::Errno(libc::EPERM as u32))
}

/// Lets the calling thread and those that it starts call only what is needed to read, compute and write, and to connect
/// where that is wanted.
pub(super) fn allow_work(connects: bool) -> Result<(), String> {
    let mut rules: Rules = WORK.iter().chain(WORK_BY_OLD_NAMES).map(|call| (*call, Vec::new())).collect();
    let flags = NAMESPACES as u64;
    rules.insert(libc::SYS_clone, vec![rule([condition(0, SeccompCmpOp::MaskedEq(flags), 0)?])?]);
    let not_typing: Result<Vec<_>, String> =
        TYPING.iter().map(|request| condition(1, SeccompCmpOp::Ne, *request)).collect();
    rules.insert(libc::SYS_ioctl, vec![rule(not_typing?)?]);
    if connects {
        rules.extend(NETWORK.iter().map(|call| (*call, Vec::new())));
        let families: Result<Vec<_>, String> =
            FAMILIES.iter().map(|family| rule([condition(0, SeccompCmpOp::Eq, *family as u64)?])).collect();
        rules.insert(libc::SYS_socket, families?);
    }
    apply(rules, SeccompAction::Errno(libc::ENOSYS as u32), SeccompAction::Allow)
}

fn condition(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompCondition, String> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value).map_err(|error| error.to_string())
}

fn rule(conditions: impl IntoIterator<Item = SeccompCondition>) -> Result<SeccompRule, String> {
    SeccompRule::new(conditions.into_iter().collect()).map_err(|error| error.to_string())
}

fn apply(rules: Rules, otherwise: SeccompAction, listed: SeccompAction) -> Result<(), String> {
    let machine = TargetArch::try_from(std::env::consts::ARCH)
        .map_err(|_| format!("there is no filter of system calls for {}", std::env::consts::ARCH))?;
    let filter = SeccompFilter::new(rules, otherwise, listed, machine).map_err(|error| error.to_string())?;
    let program = BpfProgram::try_from(filter).map_err(|error| error.to_string())?;
    apply_filter(&program).map_err(|error| error.to_string())
}
