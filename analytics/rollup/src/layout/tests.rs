//! Claims about what counts where.
