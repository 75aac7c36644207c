namespace MpibAgent;

/// <summary>
/// Something that keeps the agent from its job and that an operator can mend: the message is the one line that is shown, and says what
/// was expected, what was found and what to do.
/// </summary>
internal sealed class Fault(string message, Exception? inner = null) : Exception(message, inner);
