using System.Diagnostics;

namespace MpibAgent.Tests.Interface;

/// <summary>The C header in programs that use it as plainly as a plugin does.</summary>
public sealed class HeaderTests : IDisposable
{
    private readonly TempDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData("-std=c11 -O0")]
    [InlineData("-std=c11 -O2")]
    [InlineData("-std=c17 -O3")]
    [InlineData("-std=c11 -O2 -fsanitize=thread")]
    public void The_plainest_reader_compiles_without_a_warning(string options) => Compile("""
        int main(void)
        {
            const struct mpib_hint_region *region;
            int error = mpib_hints_map(MPIB_HINTS_PATH, &region, NULL);
            if (error != 0)
                return 1;
            printf("%u\\n", (unsigned)mpib_hint_read(region, 0));
            return 0;
        }
        """, options);

    [Fact]
    public void A_fifo_in_the_place_of_the_region_is_none_and_holds_nobody_up()
    {
        var program = Compile("""
            int main(int argc, char **argv)
            {
                const struct mpib_hint_region *region;
                return argc == 2 && mkfifo(argv[1], 0600) == 0 && mpib_hints_map(argv[1], &region, NULL) == -EPROTO && region == NULL ? 0 : 1;
            }
            """, "-std=c11");
        using var reader = Process.Start(program, [_files["fifo"]]);
        Assert.True(reader.WaitForExit(TimeSpan.FromSeconds(60)));
        Assert.Equal(0, reader.ExitCode);
    }

    private string Compile(string main, string options)
    {
        Prerequisites.RequireCommand("gcc", "gcc libc6-dev");
        var (source, program) = (_files["program.c"], _files["program"]);
        File.WriteAllText(source, $"#define _GNU_SOURCE\n#include <stdio.h>\n#include \"{Checkout.Path("src", "MpibAgent.Interface", "mpib_agent_iface.h")}\"\n{main}\n");
        using var gcc = Process.Start(new ProcessStartInfo("gcc", [.. options.Split(' '), "-Wall", "-Wextra", "-Werror", "-pedantic", source, "-o", program])
        {
            RedirectStandardError = true,
        })!;
        var said = gcc.StandardError.ReadToEnd();
        gcc.WaitForExit();
        Assert.True(gcc.ExitCode == 0, said);
        return program;
    }
}
